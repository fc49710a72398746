"""Take uploaded files into the store, and say what became of each."""

import threading
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import HasTraits

from imgurer_kernel.common.text import elide
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.ui.models.captions import orientation_text, verdict_text
from imgurer_kernel.ui.models.provenance import provenance
from imgurer_kernel.ui.models.recent_uploads import RecentUpload, RecentUploads
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.upload.control import Verdict
from imgurer_kernel.ui.widgets.upload.receiver import Upload
from imgurer_kernel.workbench.pictures.batch import answer_of

LARGE_BYTES = 2 << 20
MAX_LARGE = 4
"""Files over `LARGE_BYTES` that are read at once: their pixels may take half a gigabyte each."""


class UploadModel(HasTraits):
    """What the upload panel does with each file.

    Traits
    ------
    earlier
        What became of this user's last uploads before this page, from `load` on.

    Attributes
    ----------
    taken
        What became of those of this page, by a key of its own for each.
    """

    earlier = AnyTrait(())

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.taken: dict[str, RecentUpload] = {}
        self._changed = False
        self._turn = threading.Lock()
        self._large = threading.BoundedSemaphore(MAX_LARGE)
        self._keep_due = False
        self._job, self._keeping = session.job(), session.job()

    def load(self) -> None:
        """Read what became of the uploads before."""
        self._job.start("Reading", lambda _: tuple(self._recent().load()), self._set_earlier)

    def _set_earlier(self, taken: tuple[RecentUpload, ...]) -> None:
        self.earlier = taken

    def _recent(self) -> RecentUploads:
        root = self.session.workbench.settings.root
        return RecentUploads(root, self.session.account().name)

    def keep(self) -> None:
        """Write down what has become of the uploads, for the next page."""
        self._keeping.start("Writing", lambda _: self._save(), lambda _: None)

    def _save(self) -> None:
        with self._turn:  # whoever comes last writes what is known last
            self._recent().save(list(self.taken.values()))

    def forget(self) -> None:
        """Clear the list, that of earlier pages too; what was taken in stays in the store."""
        self.taken.clear()
        self.earlier = ()
        self._keeping.start("Writing", lambda _: self._clear(), lambda _: None)

    def _clear(self) -> None:
        with self._turn:
            self._recent().clear()

    def judge(self, upload: Upload) -> Verdict:
        """Take a file into the store; called in a thread, so it touches no trait."""
        workbench = self.session.workbench
        alone = self._large if upload.bytes > LARGE_BYTES else nullcontext()
        with alone, upload.path.open("rb") as file:
            outcome = workbench.upload_one(upload.name, file, self.session.user)
        image_id = outcome.image_id
        if image_id is None:
            return Verdict(status="rejected", text=f"Rejected: {outcome.reason}")
        thumbnail = self.session.new_thumbnail(image_id, str(outcome.digest))
        if outcome.status == "duplicate":
            return Verdict(
                status="duplicate",
                text="Already here: the same file, byte for byte",
                thumbnail=thumbnail,
                image_id=image_id,
                match_thumbnail=thumbnail,
                match_text=provenance(self.session, image_id),
                match_image_id=image_id,
            )
        return Verdict(status="added", text="Added", thumbnail=thumbnail, image_id=image_id)

    def note(self, key: str, name: str, verdict: Verdict) -> None:
        """Remember a verdict, and whether it means that the store has changed; on the loop.

        A better one of the same key takes the place of the one before.
        """
        taken, before = RecentUpload.of(name, verdict), self.taken.get(key)
        self.taken[key] = taken if before is None else replace(taken, at=before.at)
        self._changed |= verdict.status in {"added", "near", "duplicate"}

    def keep_soon(self) -> None:
        """`keep` in a second, once for all that comes until then."""
        if not self._keep_due:
            self._keep_due = True
            self.session.runner.call_later(1.0, self._keep_now)

    def _keep_now(self) -> None:
        self._keep_due = False
        self.keep()

    def begin(self) -> None:
        """Tell the other panels that files are on their way; on the event loop."""
        self.session.begin_taking_in()

    def finish(self) -> None:
        """Tell the other panels, once after the last verdict, and if the store has changed."""
        changed, self._changed = self._changed, False
        self.session.end_taking_in(changed=changed)
        self.keep()

    def compare(self, added: Verdict) -> Verdict | None:
        """Find what an added file is a near duplicate of; None for nothing. In a thread, too.

        It takes as long as taking the file in, so it is done when no other file waits.
        """
        nearest = nearest_same(self.session, added.image_id)
        if nearest is None:
            return None
        match = int(nearest["image_id"])
        return replace(
            added,
            status="near",
            text=f"Added; {likeness(nearest)}",
            match_thumbnail=self.session.thumbnails([match])[0],
            match_text=f"{elide(str(nearest['filename']))}, {provenance(self.session, match)}",
            match_image_id=match,
        )


def nearest_same(session: VisitorSession, image_id: int) -> dict[str, Any] | None:
    """Find the nearest other image that is the same picture, as from `answer_of`; None for none."""
    try:
        similar = session.workbench.similar(image_id)
    except UnknownImage:  # forgotten since it was ingested
        return None
    answer = answer_of(similar, image_id)
    return answer if "image_id" in answer else None


def likeness(row: dict[str, Any]) -> str:
    """Say how a new picture compares with the nearest one that was here before.

    Examples
    --------
    >>> likeness({"distance": 3, "verdict": "cropped", "orientation": "mirrored"})
    'near duplicate, cropped, mirrored, 3 of 128 bits'
    """
    turned = orientation_text(str(row["orientation"]))
    distance = f"{row['distance']} of 128 bits"
    return ", ".join(filter(None, (verdict_text(str(row["verdict"])), turned, distance)))
