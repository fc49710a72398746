"""Write frames in the formats of other programs: CSV, JSON, Excel."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from imgurer_kernel.common.paths import given_path
from imgurer_kernel.errors import ImgurerError, SourceError

# First characters of a formula to spreadsheets:
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# Most rows of an Excel sheet, with its heading, and most characters of a cell.
_SHEET_ROWS = 1_048_576
_CELL = 32_767
_OLDEST_ZIP = (1980, 1, 1, 0, 0, 0)


def to_csv(frame: pd.DataFrame) -> str:
    r"""Write a frame as CSV in which no cell is a formula; `read_csv` undoes the escapes.

    A text that would be read as a formula gets a leading apostrophe, and so does one that looks
    like an escaped text.

    Examples
    --------
    >>> to_csv(pd.DataFrame({"filename": ["=1+1.jpg", "a.jpg"], "bytes": [-1, 2]}))
    "filename,bytes\r\n'=1+1.jpg,-1\r\na.jpg,2\r\n"
    """
    safe = frame.copy()
    # Only texts: a negative number begins like a formula but is none.
    for name in frame.select_dtypes(include=["str", "object", "category"]):
        texts = frame[name].astype("object")
        safe[name] = pd.Series([_defuse(value) for value in texts], frame.index, object)
    return safe.to_csv(index=False, lineterminator="\r\n")


def read_csv(path: Path | str) -> pd.DataFrame:
    """Read CSV of `Report.save`: all columns as text, without the escapes.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    try:
        text = given_path(path, "the table").read_bytes().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path} cannot be read: {error}; give a CSV file that a report has written"
        raise SourceError(message) from error
    head, cells = rows[0] if rows else [], [[_unguarded(cell) for cell in row] for row in rows[1:]]
    return pd.DataFrame(cells, columns=pd.Index(head), dtype="str")


def _is_formula(text: str) -> bool:
    # Spreadsheets skip leading spaces and tabs.
    return text.lstrip().startswith(FORMULA_STARTS) or text[:1] in {"\t", "\r", "\n"}


def _defuse(value: object) -> object:
    if isinstance(value, str) and _is_formula(value.lstrip("'")):
        return f"'{value}"
    return value


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _is_formula(cell.lstrip("'")) else cell


def to_json(frame: pd.DataFrame) -> str:
    """Write a frame as a list of JSON objects: missing values null, ids integers, times ISO.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": pd.array([1, None], "Int64"), "score": [0.5, None]})
    >>> print(to_json(frame))
    [
     {"id": 1, "score": 0.5},
     {"id": null, "score": null}
    ]
    """
    # pandas handles the nulls of every type, but escapes non-ASCII; Python's writer does not.
    records = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    lines = ",\n ".join(json.dumps(record, ensure_ascii=False) for record in records)
    return f"[\n {lines}\n]" if lines else "[]"


def json_of_frames(frames: Mapping[str, pd.DataFrame], card: Mapping[str, Any]) -> str:
    """Write frames and a run card as one JSON object: ``{"card": {}, "summary": [], ...}``."""
    parts = [f'"card": {json.dumps(card, ensure_ascii=False)}']
    parts += [f"{json.dumps(name)}: {to_json(frame)}" for name, frame in frames.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def workbook_bytes(frames: Mapping[str, pd.DataFrame], made_at: datetime) -> bytes:
    """Write frames as an Excel workbook, with one sheet each; texts are never formulas.

    Times are in UTC without a mark, since sheets have no zones. Unsupported content (control
    characters, cells of more than 32,767 characters) is replaced or cut off.

    Raises
    ------
    ImgurerError
        If openpyxl is not installed, or a frame has more rows than a sheet.
    """
    try:
        from openpyxl import Workbook
    except ImportError as error:
        message = "an .xlsx file needs openpyxl: pip install 'imgurer[excel]', or save as .csv"
        raise ImgurerError(message) from error
    book = Workbook(write_only=True)
    book.properties.created = made_at.replace(tzinfo=None)
    for name, frame in frames.items():
        if len(frame) >= _SHEET_ROWS:
            message = (
                f"{name} has {len(frame):,} rows, and a sheet of Excel at most "
                f"{_SHEET_ROWS - 1:,}; save as .parquet or .csv"
            )
            raise ImgurerError(message)
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.append(list(frame))
        columns = [_cells(sheet, frame[column]) for column in frame]
        for row in zip(*columns, strict=True):
            sheet.append(row)
    raw = io.BytesIO()
    book.save(raw)
    return _without_times(raw.getvalue(), made_at)


def _cells(sheet: Any, column: "pd.Series[Any]") -> list[Any]:  # noqa: ANN401  openpyxl has no types
    """Yield the cells of a column; mark texts that begin like a formula as text."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    values = column.astype(object).where(column.notna(), None).tolist()
    for row, value in enumerate(values):
        if isinstance(value, pd.Timestamp):
            values[row] = value.to_pydatetime()
        elif isinstance(value, str):
            text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
            # UTF-8 cannot encode half of a surrogate pair.
            text = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)[:_CELL]
            if _is_formula(text):
                cell = WriteOnlyCell(sheet, text)
                cell.data_type = "s"
                values[row] = cell
            else:
                values[row] = text
    return values


def _without_times(archive: bytes, made_at: datetime) -> bytes:
    """Set all times in the workbook to `made_at`, so that equal reports are equal files."""
    # openpyxl always writes the time of saving.
    moment = f"{made_at:%Y-%m-%dT%H:%M:%SZ}</dcterms:modified>".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as given, zipfile.ZipFile(out, "w") as written:
        for each in given.infolist():
            info = zipfile.ZipInfo(each.filename, _OLDEST_ZIP)
            data = re.sub(rb"[-0-9T:]+Z</dcterms:modified>", moment, given.read(each))
            written.writestr(info, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
