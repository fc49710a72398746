"""The result of ingesting a folder: totals and rows; each user's last result is saved."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from imgurer_kernel.common.text import count, moment, sentence
from imgurer_kernel.errors import StorageError
from imgurer_kernel.store.derived import DerivedData
from imgurer_kernel.store.ingest.rejected_files import by_kind, kinds_text, left_out_text
from imgurer_kernel.store.ingest.sources import readable
from imgurer_kernel.ui.session import row_dicts

MAX_ROWS = 300
"""Most files that are listed; the others are only counted."""

STATUSES: Mapping[str, tuple[str, str]] = {
    "rejected": ("rejected", "failed"),
    "missing": ("missing", "attention"),
    "changed": ("changed", "attention"),
    "moved": ("moved", "done"),
    "added": ("added", "done"),
    "duplicate": ("already here", "attention"),
    "unchanged": ("unchanged", "done"),
}
"""Status of `Workbench.ingest` to its word and its meaning, in the order of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRow:
    """One file of a folder.

    Attributes
    ----------
    name, folder
        Its last part, and the part between the ingested folder and it, which may be empty.
    status
        A key of `STATUSES`.
    text
        The outcome in words.
    image_id
        Id of the picture; -1 for none.
    """

    name: str
    folder: str
    status: str
    text: str
    image_id: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderResult:
    """The result of ingesting a folder.

    Attributes
    ----------
    folder
        Its path, as shown.
    counts
        Files by status, in the order of `STATUSES`, without zeros.
    rows
        At most `MAX_ROWS` of the changed files, rejected ones first.
    stopped
        Whether it was cancelled.
    notes
        What was left out: files of other kinds, such as sidecars, and folders that are not walked.
    earlier
        When it was made, for a saved result; empty for a new one.
    """

    folder: str
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[FolderRow, ...] = ()
    stopped: bool = False
    notes: tuple[str, ...] = ()
    earlier: str = ""

    @property
    def summary(self) -> str:
        """Summarize the folder, the number of files, and how many have each status."""
        parts = [f"{self.folder}: {count(sum(self.counts.values()), 'file')}"]
        parts += (f"{number:,} {STATUSES[status][0]}" for status, number in self.counts.items())
        return " · ".join(parts)

    @property
    def remark(self) -> str:
        """Describe what the list leaves out, and whether the run was cut short; may be empty."""
        listed = pd.Series([row.status for row in self.rows], dtype=str).value_counts().to_dict()
        left = sum(
            number - listed.get(status, 0)
            for status, number in self.counts.items()
            if status != "unchanged"
        )
        texts = [self.earlier] if self.earlier else []
        if self.stopped:
            texts.append(
                "Cancelled before the end. What was ingested stays; ingest the folder again to "
                "go on."
            )
        if left:
            texts.append(f"{count(left, 'more file')} not listed here.")
        texts += map(sentence, self.notes)
        return " ".join(texts)


class LastResult:
    """The last result of a user, saved beside the catalog so that it survives a reload.

    Parameters
    ----------
    root
        The folder of the store.
    user
        Name of the user.
    """

    def __init__(self, root: Path, user: str) -> None:
        self._data = DerivedData(root / "derived" / "folders" / user)

    def save(self, result: FolderResult) -> None:
        """Save a result, replacing the previous one; ignore a store that is not writable."""
        facts = asdict(result) | {"at": datetime.now(UTC).isoformat()}
        try:
            self._data.save(facts, {})
        except StorageError:
            return  # the files are ingested anyway, and the page shows the result now

    def load(self) -> FolderResult | None:
        """Load the saved result; None if there is none, or it has another version."""
        facts = self._data.facts()
        try:
            if facts is None:
                return None
            values = dict(facts)
            rows = tuple(FolderRow(**row) for row in values.pop("rows"))
            notes = tuple(values.pop("notes", ()))
            at = datetime.fromisoformat(values.pop("at"))
            kept = values.pop("counts")
            counts = {status: int(kept[status]) for status in STATUSES if status in kept}
            result = FolderResult(**values, counts=counts, rows=rows, notes=notes)
        except (TypeError, KeyError, ValueError):
            return None
        return replace(result, earlier=f"This was on {moment(at)}; more may have changed since.")


def folder_result(folder: Path, outcomes: pd.DataFrame, *, stopped: bool = False) -> FolderResult:
    """Make a result from a frame of `Workbench.ingest`."""
    rejected = outcomes[outcomes["status"] == "rejected"]
    failures, others = by_kind(dict(zip(rejected["source"], rejected["reason"], strict=True)))
    of_other_kinds = rejected.index[~rejected["source"].isin(list(failures))]
    notes = [kinds_text(others)] if others else []
    notes += filter(None, [left_out_text(outcomes.attrs)])
    outcomes = outcomes.drop(index=of_other_kinds)
    found = outcomes["status"].value_counts()
    counts = {status: int(found[status]) for status in STATUSES if status in found}
    rank = {status: place for place, status in enumerate(STATUSES)}
    listed = outcomes[outcomes["status"] != "unchanged"]
    # Stable: files of one status stay in the order in which the folder was read.
    order = listed["status"].map(rank).sort_values(kind="stable").index[:MAX_ROWS]
    rows = tuple(_row(folder, record) for record in row_dicts(listed.loc[order]))
    return FolderResult(
        folder=readable(folder), counts=counts, rows=rows, stopped=stopped, notes=tuple(notes)
    )


def _row(folder: Path, record: dict[str, object]) -> FolderRow:
    source, status = str(record["source"]), str(record["status"])
    path, below = Path(source), Path(readable(folder))  # both as shown
    inside = path.parent.relative_to(below) if path.is_relative_to(below) else path.parent
    image_id = record["image_id"]
    word, reason = STATUSES[status][0], str(record["reason"])
    return FolderRow(
        name=path.name or source,
        folder="" if str(inside) == "." else str(inside),
        status=status,
        text=f"{word}: {reason}" if reason else word,
        image_id=-1 if pd.isna(image_id) else int(image_id),  # type: ignore[call-overload]
    )
