"""Limits of an answer in pieces; statements are tested with the workbench, which has the views."""

from types import SimpleNamespace

import pandas as pd
import pytest

from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog.sql import AnswerLimits, _fetch, select


def fetched(*texts, memory):
    pieces = iter([pd.DataFrame({"t": each}, dtype=object) for each in (*texts, [])])
    return _fetch(SimpleNamespace(fetch_df_chunk=lambda _: next(pieces)), AnswerLimits(7, memory))


@pytest.mark.parametrize("large", range(3))
def test_whichever_piece_is_too_large_the_answer_is_refused(large):
    pieces = [["x" * (100_000 if k == large else 1)] for k in range(3)]
    with pytest.raises(QueryError, match="more than 90,000 bytes"):
        fetched(*pieces, memory=90_000)
    assert len(fetched(*pieces, memory=110_000)) == 3


def test_times_of_any_zone_are_times_in_utc_within_the_statement():
    time = pd.Timestamp("2026-01-31 23:30", tz="America/New_York")
    tables = {"t": pd.DataFrame({"taken": [time], "n": [1]})}
    found = select(
        "SELECT taken, hour(taken) AS hour, typeof(taken) AS kind FROM t WHERE n = 1", tables
    )
    assert found["taken"].tolist() == [time]
    assert found["hour"].tolist() == [4]
    assert found["kind"].str.startswith("TIMESTAMP").all()
    assert not found["kind"].str.contains("ZONE").any()
