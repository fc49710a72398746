"""The results of each user's recent uploads, saved so that a reload keeps them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd

from imgurer_kernel.common.text import count, moment
from imgurer_kernel.errors import StorageError
from imgurer_kernel.store.derived import DerivedData
from imgurer_kernel.ui.theme.theme import Meaning
from imgurer_kernel.ui.widgets.picture_rows import PictureRow
from imgurer_kernel.ui.widgets.upload.control import Verdict

MAX_KEPT = 500
"""Most uploads saved per user; rejected ones are dropped last."""

STATUSES: dict[str, tuple[str, str, Meaning]] = {
    "rejected": ("rejected", "rejected", "failed"),
    "failed": ("failed", "failed", "failed"),
    "near": ("near duplicate", "near duplicates", "attention"),
    "duplicate": ("already here", "already here", "attention"),
    "added": ("added", "added", "done"),
}
"""Status of a `Verdict` to its singular and plural words, and its meaning, in list order."""

TAKEN = ["name", "status", "text", "image_id", "match_id", "match", "at"]
"""Columns of `uploads_frame`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentUpload:
    """The result of one upload.

    Attributes
    ----------
    name
        File name.
    status, text, image_id
        As in its `Verdict`; -1 for no image.
    match_id, match
        The picture that it resembles, and its description; -1 and empty for none.
    at
        Time, UTC, in ISO format.
    """

    name: str
    status: str
    text: str
    image_id: int
    match_id: int
    match: str
    at: str

    @classmethod
    def of(cls, name: str, verdict: Verdict) -> Self:
        """Make the result of a file from its verdict, at the present time."""
        return cls(
            name=name,
            status=verdict.status,
            text=verdict.text,
            image_id=verdict.image_id,
            match_id=verdict.match_image_id,
            match=verdict.match_text,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Self:
        """Read a saved result.

        Raises
        ------
        TypeError, KeyError, ValueError
            If it was saved by another version.
        """
        upload = cls(**facts)
        STATUSES[upload.status]
        datetime.fromisoformat(upload.at)
        int(upload.image_id), int(upload.match_id)
        return upload


class RecentUploads:
    """The recent uploads of a user, saved beside the catalog.

    Parameters
    ----------
    root
        The folder of the store.
    user
        Name of the user.
    """

    def __init__(self, root: Path, user: str) -> None:
        self._data = DerivedData(root / "derived" / "uploads" / user)

    def save(self, uploads: Sequence[RecentUpload]) -> None:
        """Append results to the saved ones; ignore a store that is not writable."""
        ids = {(each.name, each.at) for each in uploads}
        before = [each for each in self.load() if (each.name, each.at) not in ids]
        kept = _ranked([*reversed(uploads), *before])[:MAX_KEPT]
        try:
            self._data.save({"taken": [asdict(each) for each in kept]}, {})
        except StorageError:
            return  # the pictures are ingested anyway

    def clear(self) -> None:
        """Delete the saved results; if that fails they are shown again."""
        with suppress(StorageError):
            self._data.save({"taken": []}, {})

    def load(self) -> list[RecentUpload]:
        """Load saved results, rejected ones first, then the latest; skip other versions."""
        facts = self._data.facts()
        try:
            return (
                [] if facts is None else [RecentUpload.read(dict(each)) for each in facts["taken"]]
            )
        except (TypeError, KeyError, ValueError):
            return []


def _ranked(uploads: Sequence[RecentUpload]) -> list[RecentUpload]:
    places = {status: place for place, status in enumerate(STATUSES)}
    return sorted(uploads, key=lambda each: places[each.status])


def upload_rows(uploads: Sequence[RecentUpload]) -> list[PictureRow]:
    """Make rows for `PictureRows`, rejected ones first."""
    return [
        PictureRow(
            key=number,
            name=each.name,
            status=each.status,
            meaning=STATUSES[each.status][2],
            text=f"{each.text} · {moment(datetime.fromisoformat(each.at))}",
            image_id=each.image_id,
            opens=each.image_id >= 0,
            match_id=each.match_id,
            match_text=each.match,
        )
        for number, each in enumerate(_ranked(uploads))
    ]


def upload_totals(uploads: Sequence[RecentUpload]) -> list[tuple[str, str]]:
    """List each status with its total, such as ``("rejected", "3 rejected")``."""
    statuses = [each.status for each in uploads]
    return [
        (status, count(statuses.count(status), one, many))
        for status, (one, many, _) in STATUSES.items()
        if status in statuses
    ]


def uploads_frame(uploads: Sequence[RecentUpload]) -> pd.DataFrame:
    """Make a frame of results, in their order, with the columns of `RecentUpload`."""
    frame = pd.DataFrame([asdict(each) for each in uploads], columns=TAKEN)
    ids = {"image_id": "Int64", "match_id": "Int64"}
    frame = frame.astype(dict.fromkeys(("name", "status", "text", "match"), "str") | ids)
    for column in ids:
        frame[column] = frame[column].mask(frame[column] < 0)
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[us, UTC]")
    return frame
