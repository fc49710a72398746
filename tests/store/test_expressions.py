"""SQL expressions have one value for each row; groups of rows."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog import fingerprints
from imgurer_kernel.store.catalog.expressions import evaluate

FRAME = pd.DataFrame({"width": [3, 5], "height": [2, 2]}, index=[7, 9])


def test_one_value_for_each_row_with_the_frames_index():
    found = evaluate(FRAME, "width * height")
    assert found.to_dict() == {7: 6, 9: 10}


@pytest.mark.parametrize(
    "expression",
    [
        "width) AS a, (height",
        "1) FROM files; SELECT (1",
        "unnest([1, 2])",
        "unnest(CASE WHEN width > 3 THEN [1] ELSE [] END)",
        "count(*)",
        "[width]",
        "nothing",
        "(SELECT content FROM read_text('/etc/passwd'))",
        "",
    ],
)
def test_invalid_expressions_are_refused(expression):
    with pytest.raises(QueryError):
        evaluate(FRAME, expression)


def test_groups_of_several_sizes_follow_each_other():
    answer = {"image_id": np.arange(3, 12), "members": np.array([2, 2, 4, 4, 4, 4, 3, 3, 3])}
    connection = SimpleNamespace(
        execute=lambda *_: SimpleNamespace(fetchnumpy=lambda: answer),
    )
    found = fingerprints.groups_of_equal_pixels(connection, "any")
    assert found == [[3, 4], [5, 6, 7, 8], [9, 10, 11]]
