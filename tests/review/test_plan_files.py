"""Plans as tables in a file."""

import pytest

from imgurer_kernel.errors import PlanInvalid
from imgurer_kernel.review.plan import read_plan

HEAD = "file_id,keeper_id\n"


@pytest.mark.parametrize(
    ("rows", "number"), [("1,2,3\n", 2), ("1,2\n3,2,9\n", 3), ("1,2\n\n,,,\n3,2,9\n", 5)]
)
def test_a_row_that_is_too_long_has_the_number_that_a_spreadsheet_shows(tmp_path, rows, number):
    """Rows without any content count there, too."""
    (tmp_path / "plan.csv").write_text(HEAD + rows, "utf-8")
    with pytest.raises(PlanInvalid, match=f"row {number} has more cells"):
        read_plan(tmp_path / "plan.csv")
    (tmp_path / "plan.csv").write_text(HEAD + "\n1,2\n,,,\n3\n", "utf-8")
    assert read_plan(tmp_path / "plan.csv").to_numpy().tolist() == [["1", "2"], ["3", ""]]
