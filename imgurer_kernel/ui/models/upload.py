"""Take uploaded files into the store, and say what became of each."""

from dataclasses import replace
from typing import Any

from imgurer_kernel.common.text import elide
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.ui.models.captions import orientation_text, verdict_text
from imgurer_kernel.ui.models.provenance import provenance
from imgurer_kernel.ui.session import VisitorSession, row_dicts
from imgurer_kernel.ui.widgets.upload.control import Verdict
from imgurer_kernel.ui.widgets.upload.receiver import Upload
from imgurer_kernel.workbench.batch import answer_of


class UploadModel:
    """What the upload panel does with each file."""

    def __init__(self, session: VisitorSession) -> None:
        self.session = session
        self._changed = False

    def judge(self, upload: Upload) -> Verdict:
        """Take a file into the store; called in a thread, so it touches no trait."""
        workbench = self.session.workbench
        with upload.path.open("rb") as file:
            outcome = workbench.upload(upload.name, file, self.session.user)
        [row] = row_dicts(outcome)
        if row["status"] == "rejected":
            return Verdict(status="rejected", text=f"Rejected: {row['reason']}")
        image_id = int(row["image_id"])
        thumbnail = self.session.new_thumbnail(image_id, str(row["digest"]))
        if row["status"] == "duplicate":
            return Verdict(
                status="duplicate",
                text="Already here: the same file, byte for byte",
                thumbnail=thumbnail,
                image_id=image_id,
                twin_thumbnail=thumbnail,
                twin_text=provenance(self.session, image_id),
                twin_image_id=image_id,
            )
        return Verdict(status="added", text="Added", thumbnail=thumbnail, image_id=image_id)

    def note(self, verdict: Verdict) -> None:
        """Remember whether a verdict means that the store has changed; on the event loop."""
        self._changed |= verdict.status in {"added", "near", "duplicate"}

    def begin(self) -> None:
        """Tell the other panels that files are on their way; on the event loop."""
        self.session.begin_taking_in()

    def finish(self) -> None:
        """Tell the other panels, once after the last verdict, and if the store has changed."""
        changed, self._changed = self._changed, False
        self.session.end_taking_in(changed=changed)

    def compare(self, added: Verdict) -> Verdict | None:
        """Find what an added file is a near duplicate of; None for nothing. In a thread, too.

        It takes as long as taking the file in, so it is done when no other file waits.
        """
        nearest = nearest_same(self.session, added.image_id)
        if nearest is None:
            return None
        twin = int(nearest["image_id"])
        return replace(
            added,
            status="near",
            text=f"Added; {likeness(nearest)}",
            twin_thumbnail=self.session.thumbnails([twin])[0],
            twin_text=f"{elide(str(nearest['filename']))}, {provenance(self.session, twin)}",
            twin_image_id=twin,
        )


def nearest_same(session: VisitorSession, image_id: int) -> dict[str, Any] | None:
    """The nearest other image that is the same picture, as from `answer_of`; None for none."""
    try:
        similar = session.workbench.similar(image_id)
    except UnknownImage:  # forgotten since it was taken in
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
