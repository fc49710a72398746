"""Limits of an answer in pieces; statements are tested with the workbench, which has the views."""

from types import SimpleNamespace

import pandas as pd
import pytest

from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog.sql import AnswerLimits, _fetch


def fetched(*texts, memory):
    pieces = iter([pd.DataFrame({"t": each}, dtype=object) for each in (*texts, [])])
    return _fetch(SimpleNamespace(fetch_df_chunk=lambda _: next(pieces)), AnswerLimits(7, memory))


@pytest.mark.parametrize("large", range(3))
def test_whichever_piece_is_too_large_the_answer_is_refused(large):
    pieces = [["x" * (100_000 if k == large else 1)] for k in range(3)]
    with pytest.raises(QueryError, match="more than 90,000 bytes"):
        fetched(*pieces, memory=90_000)
    assert len(fetched(*pieces, memory=110_000)) == 3
