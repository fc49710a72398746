import csv
import io
import json
from datetime import UTC, datetime

import duckdb
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import ImgurerError, SourceError
from imgurer_kernel.report import writers
from imgurer_kernel.report.writers import read_csv, to_csv, to_json, workbook_bytes
from imgurer_kernel.store.catalog.parquet import parquet_bytes

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\t@", "\uff1d"])
@pytest.mark.parametrize("kind", ["str", "category", "object"])
def test_every_formula_start_is_disarmed(start, kind):
    text = to_csv(pd.DataFrame({"filename": pd.Series([f"{start}x"], dtype=kind)}))
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == [f"'{start}x"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_no_text_is_a_formula_in_csv_and_each_comes_back(tmp_path_factory, name):
    text = to_csv(pd.DataFrame({"filename": [name], "more": ["x"]}))
    back = list(csv.reader(io.StringIO(text, newline="")))[1][0]
    assert not back.lstrip().startswith(writers.FORMULA_STARTS)
    path = tmp_path_factory.getbasetemp() / "one.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_csv(path)["filename"].tolist() == [name]


@pytest.mark.parametrize("name", ["'=1", "''=1", "'a", "'", "' =1", "-", "\t", "'\t"])
def test_escapes_and_apostrophes_are_distinguished(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text(to_csv(pd.DataFrame({"name": [name], "x": [1]})), encoding="utf-8", newline="")
    assert read_csv(path)["name"].tolist() == [name]


def test_numbers_stay_numbers_in_csv():
    assert to_csv(pd.DataFrame({"latitude": [-33.9]})) == "latitude\r\n-33.9\r\n"


@pytest.mark.parametrize("data", [b"\xff\xfe", b'a\r\n"b'])
def test_a_file_that_is_not_csv_is_refused(tmp_path, data):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(SourceError, match=r"a\.csv"):
        read_csv(tmp_path / "a.csv")
    with pytest.raises(SourceError, match="nowhere"):
        read_csv(tmp_path / "nowhere.csv")


def test_json_has_null_for_what_is_missing_and_whole_ids():
    frame = pd.DataFrame(
        {
            "image_id": pd.array([2**53 + 1, None], "Int64"),
            "score": [float("nan"), float("inf")],
            "name": ['a\n"b"', None],
            "when": [pd.Timestamp("2026-01-02 03:04:05"), pd.NaT],
        }
    )
    text = to_json(frame)
    assert "NaN" not in text
    assert json.loads(text) == [
        {"image_id": 2**53 + 1, "score": None, "name": 'a\n"b"', "when": "2026-01-02T03:04:05.000"},
        {"image_id": None, "score": None, "name": None, "when": None},
    ]
    assert json.loads(to_json(frame.iloc[:0])) == []


def sheet_of(frame):
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes({"files": frame}, NOW)))
    return list(book["files"].iter_rows())


def test_a_workbook_has_texts_where_a_spreadsheet_would_see_formulas():
    names = ["=1+1", "a\x00b\x1b", "x" * 40_000, "\ud800.jpg", None, "東京 \U0001f986"]
    frame = pd.DataFrame({"name": pd.Series(names, dtype="str"), "number": range(len(names))})
    rows = sheet_of(frame)
    assert [row[0].value for row in rows] == [
        *("name", "=1+1", "a\ufffdb\ufffd", "x" * 32_767, "\ufffd.jpg", None, "東京 \U0001f986"),
    ]
    assert {row[0].data_type for row in rows} == {"s", "n"}
    assert [row[1].value for row in rows[1:]] == list(range(len(names)))


def test_a_workbook_has_times_in_utc_and_missing_cells():
    times = pd.to_datetime(["2026-01-02T03:04:05+02:00", None], utc=True)
    rows = sheet_of(pd.DataFrame({"when": times, "id": pd.array([None, 2], "Int64")}))
    assert [[cell.value for cell in row] for row in rows[1:]] == [
        [datetime(2026, 1, 2, 1, 4, 5), None],  # noqa: DTZ001
        [None, 2],
    ]


def test_a_frame_that_no_sheet_holds_is_refused(monkeypatch):
    monkeypatch.setattr(writers, "_SHEET_ROWS", 3)
    with pytest.raises(ImgurerError, match=r"\.parquet"):
        workbook_bytes({"files": pd.DataFrame({"a": [1, 2, 3]})}, NOW)


def test_a_workbook_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ImgurerError, match=r"imgurer\[excel\]"):
        workbook_bytes({}, NOW)


def test_parquet_keeps_types_and_missing_values(tmp_path):
    frame = pd.DataFrame(
        {
            "id": pd.array([1, None], "Int64"),
            "name": pd.Series(["a\n=", None], dtype="str"),
            "kind": pd.Categorical(["x", None]),
            "when": pd.to_datetime(["2026-01-02", None], utc=True).as_unit("us"),
        }
    )
    (tmp_path / "a.parquet").write_bytes(parquet_bytes(frame))
    table = duckdb.read_parquet(str(tmp_path / "a.parquet"))
    assert [str(kind) for kind in table.types] == [
        *("BIGINT", "VARCHAR", "VARCHAR", "TIMESTAMP WITH TIME ZONE"),
    ]
    assert table.project("id, name, kind").fetchall() == [(1, "a\n=", "x"), (None, None, None)]
    assert parquet_bytes(frame) == parquet_bytes(frame)
