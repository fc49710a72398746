"""Taking in what was uploaded, and saying what became of it."""

import threading
from dataclasses import dataclass
from typing import Any

from traitlets import HasTraits, Instance

from imgurer_kernel.ui.captions import UNVERIFIED, orientation_words
from imgurer_kernel.ui.formatting import bits, count, elide, listing
from imgurer_kernel.ui.reception import Upload
from imgurer_kernel.ui.session import Session, records
from imgurer_kernel.ui.upload_control import Verdict


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the files so far.

    Examples
    --------
    >>> Tally(added=2, rejected=1).words
    '2 added, 1 rejected'
    """

    added: int = 0
    near: int = 0
    duplicate: int = 0
    rejected: int = 0
    failed: int = 0

    @property
    def words(self) -> str:
        """As a sentence's part; empty if there was no file."""
        parts = [
            (self.added, "added"),
            (self.near, "added though a near duplicate is here"),
            (self.duplicate, "already here"),
            (self.rejected, "rejected"),
            (self.failed, "failed"),
        ]
        return ", ".join(f"{number:,} {words}" for number, words in parts if number)


class UploadModel(HasTraits):
    """What the upload panel does with a file.

    Traits
    ------
    tally
        What became of the files so far.
    """

    tally = Instance(Tally, ())

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def judge(self, upload: Upload) -> Verdict:
        """Take a file in; called in a thread, so it touches no trait."""
        workbench = self.session.workbench
        with upload.path.open("rb") as file:
            outcome = workbench.upload(upload.name, file, self.session.user)
        [row] = records(outcome)
        if row["status"] == "rejected":
            return Verdict(status="rejected", text=f"Rejected: {row['reason']}")
        image_id = int(row["image_id"])
        [thumbnail] = self.session.thumbnails([image_id])
        if row["status"] == "duplicate":
            return Verdict(
                status="duplicate",
                text="Already here: the same file, byte for byte",
                thumbnail=thumbnail,
                image_id=image_id,
                twin_thumbnail=thumbnail,
                twin_text=self._provenance(image_id),
                twin_image_id=image_id,
            )
        return self._compared(image_id, thumbnail)

    def count(self, verdict: Verdict) -> None:
        """Note a verdict in the tally; on the event loop."""
        self._counts[verdict.status] = self._counts.get(verdict.status, 0) + 1
        known = {name: self._counts.get(name, 0) for name in Tally.__dataclass_fields__}
        self.tally = Tally(**known)

    def finish(self) -> None:
        """All files have their verdict: what else is shown of the store is to be read anew."""
        if any(self._counts.get(status) for status in ("added", "near", "duplicate")):
            self.session.changed()

    def reset(self) -> None:
        """Begin a new tally."""
        self._counts.clear()
        self.tally = Tally()

    def _compared(self, image_id: int, thumbnail: bytes) -> Verdict:
        found = self.session.workbench.similar(image_id, limit=2)
        others = found[found["image_id"] != image_id]
        if others.empty:
            return Verdict(status="added", text="Added", thumbnail=thumbnail, image_id=image_id)
        [nearest] = records(others.head(1))
        twin = int(nearest["image_id"])
        return Verdict(
            status="near",
            text=f"Added; {likeness(nearest)}",
            thumbnail=thumbnail,
            image_id=image_id,
            twin_thumbnail=self.session.thumbnails([twin])[0],
            twin_text=f"{elide(str(nearest['filename']))}, {self._provenance(twin)}",
            twin_image_id=twin,
        )

    def _provenance(self, image_id: int) -> str:
        """Who brought a picture; a member is not told the names of others."""
        holdings = self.session.workbench.holdings(image_id=image_id)
        visitor = self.session.account().name
        others = sorted(set(holdings["user"]) - {visitor})
        whose = ["you"] if visitor in set(holdings["user"]) else []
        if self.session.is_admin:
            whose += others[:3]
        elif others:
            whose.append(count(len(others), "other person", "other people"))
        return f"brought by {listing(whose)}"


def likeness(row: dict[str, Any]) -> str:
    """What a new picture is to the nearest one that was here before.

    Examples
    --------
    >>> likeness({"distance": 3, "verdict": "verified", "orientation": "upright"})
    'near duplicate, 3 bits'
    >>> likeness({"distance": 0, "verdict": "unverified", "orientation": "mirrored"})
    'looks the same, mirrored'
    """
    distance = int(row["distance"])
    kind = "looks alike" if row["verdict"] == UNVERIFIED else "near duplicate"
    if distance == 0 and row["verdict"] == UNVERIFIED:
        kind = "looks the same"
    turned = orientation_words(str(row["orientation"]))
    return ", ".join(filter(None, (kind, bits(distance) if distance else "", turned)))
