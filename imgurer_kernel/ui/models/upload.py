"""Ingest uploaded files, and report the outcome of each."""

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
"""Most files over `LARGE_BYTES` read at once: their pixels may take half a gigabyte each."""


class UploadModel(HasTraits):
    """The state and actions of the upload panel.

    Traits
    ------
    earlier
        Results of this user's uploads before this page, once `load` has read them.

    Attributes
    ----------
    taken
        Results of this page's uploads, by upload key.
    """

    earlier = AnyTrait(())

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.taken: dict[str, RecentUpload] = {}
        self._changed = False
        self._lock = threading.Lock()
        self._large = threading.BoundedSemaphore(MAX_LARGE)
        self._keep_due = False
        self._job, self._keeping = session.job(), session.job()

    def load(self) -> None:
        """Read the results of earlier uploads."""
        self._job.start("Reading", lambda _: tuple(self._recent().load()), self._set_earlier)

    def _set_earlier(self, uploads: tuple[RecentUpload, ...]) -> None:
        self.earlier = uploads

    def _recent(self) -> RecentUploads:
        root = self.session.workbench.settings.root
        return RecentUploads(root, self.session.account().name)

    def keep(self) -> None:
        """Save the results for the next page."""
        self._keeping.start("Writing", lambda _: self._save(), lambda _: None)

    def _save(self) -> None:
        with self._lock:  # the results are read under the lock, so the last writer saves the latest
            self._recent().save(list(self.taken.values()))

    def forget(self) -> None:
        """Clear the list, including earlier pages; ingested pictures stay in the store."""
        self.taken.clear()
        self.earlier = ()
        self._keeping.start("Writing", lambda _: self._clear(), lambda _: None)

    def _clear(self) -> None:
        with self._lock:
            self._recent().clear()

    def judge(self, upload: Upload) -> Verdict:
        """Ingest a file; called in a thread, so it sets no trait."""
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
        """Record a verdict, and whether it changed the store; call it on the loop.

        A refined verdict of the same key replaces the previous one.
        """
        taken, before = RecentUpload.of(name, verdict), self.taken.get(key)
        self.taken[key] = taken if before is None else replace(taken, at=before.at)
        self._changed |= verdict.status in {"added", "near", "duplicate"}

    def keep_soon(self) -> None:
        """Call `keep` in a second, once for all calls until then."""
        if not self._keep_due:
            self._keep_due = True
            self.session.runner.call_later(1.0, self._keep_now)

    def _keep_now(self) -> None:
        self._keep_due = False
        self.keep()

    def begin(self) -> None:
        """Notify the other panels that files are arriving; on the event loop."""
        self.session.begin_ingest()

    def finish(self) -> None:
        """Notify the other panels, after the last verdict, with whether the store changed."""
        changed, self._changed = self._changed, False
        self.session.end_ingest(changed=changed)
        self.keep()

    def compare(self, added: Verdict) -> Verdict | None:
        """Find a near duplicate of an added file; None if there is none. Runs in a thread.

        It takes as long as ingesting the file, so it runs when no other file waits.
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
    except UnknownImage:  # it was forgotten since
        return None
    answer = answer_of(similar, image_id)
    return answer if "image_id" in answer else None


def likeness(row: dict[str, Any]) -> str:
    """Describe how a new picture compares with the nearest earlier one.

    Examples
    --------
    >>> likeness({"distance": 3, "verdict": "cropped", "orientation": "mirrored"})
    'near duplicate, cropped, mirrored, 3 of 128 bits'
    """
    turned = orientation_text(str(row["orientation"]))
    distance = f"{row['distance']} of 128 bits"
    return ", ".join(filter(None, (verdict_text(str(row["verdict"])), turned, distance)))
