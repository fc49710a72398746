"""The state that all panels of one visitor share: store, account, version number."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from traitlets import HasTraits, Int

from imgurer_kernel.common.records import Account
from imgurer_kernel.errors import NotAllowed, StorageError, UnknownImage
from imgurer_kernel.ui.jobs import Job, Runner

if TYPE_CHECKING:
    from imgurer_kernel.workbench.pictures.query import Query
    from imgurer_kernel.workbench.workbench import Workbench


_GONE_MESSAGE = "this picture is not here any more: nobody holds a copy of it"


def row_dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Convert rows of a frame to dicts by column name; values keep their types."""
    return [{str(name): row[name] for name in row} for row in frame.to_dict("records")]


@dataclass(frozen=True, slots=True, eq=False)
class ImageListing:
    """Images with their thumbnails, ready to be shown.

    Attributes
    ----------
    frame
        One row per image.
    thumbnails
        A JPEG per row; empty if it cannot be read.
    """

    frame: pd.DataFrame
    thumbnails: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.frame)


class VisitorSession(HasTraits):
    """One visitor's view of a store.

    Parameters
    ----------
    workbench
        The store.
    user
        Name of the viewing user; None for the single-user mode.

    Traits
    ------
    version
        Increases whenever a panel of this session changes the store.
    ingesting
        Number of running uploads and folder ingests of this session. Meanwhile the number of
        pictures and duplicates is unknown, so no panel reports that there are none.

    Notes
    -----
    Making a session reads nothing, so a dashboard can wait for its visitor without a catalog lease.
    Methods that read may block: call them from a job.
    """

    version = Int()
    ingesting = Int()

    def __init__(self, workbench: "Workbench", user: str | None = None) -> None:
        super().__init__()
        self.workbench = workbench
        self.user = user
        self.runner = Runner()
        self._account: Account | None = None
        self._lock = threading.Lock()  # several jobs read the account, in their threads

    def job(self) -> Job:
        """Make a job whose results come back on this session's event loop."""
        return Job(self.runner)

    def changed(self) -> None:
        """Notify the other panels that the store has changed."""
        self.version += 1

    def begin_ingest(self) -> None:
        """Mark that an upload or a folder is being ingested, until `end_ingest`."""
        self.ingesting += 1

    def end_ingest(self, *, changed: bool) -> None:
        """Mark the end of an ingest, and refresh the panels if the store has changed."""
        # First, so that the panels are busy reading before they show an outdated state.
        if changed:
            self.changed()
        self.ingesting -= 1

    def account(self) -> Account:
        """Return the visitor's account, read once."""
        with self._lock:
            if self._account is None:
                self._account = self._read_account()
            return self._account

    @property
    def is_admin(self) -> bool:
        """Whether the visitor is an admin, by the account as last read."""
        return self._account is not None and self._account.role == "admin"

    def require_admin(self) -> None:
        """Check the current role: it may have changed since the page was opened.

        Raises
        ------
        NotAllowed
            If the visitor is not an admin, or the account is disabled.
        """
        account = self._read_account()
        with self._lock:
            self._account = account
        if account.role != "admin" or not account.enabled:
            message = f"only admins may do that, and {account.name} is a {account.role}"
            raise NotAllowed(message)

    def _read_account(self) -> Account:
        accounts = self.workbench.accounts
        return accounts.ensure_local() if self.user is None else accounts.get(self.user)

    def image(self, image_id: int) -> pd.DataFrame:
        """Read the facts of one image: a frame of one row.

        Raises
        ------
        UnknownImage
            If it is not in the store; the message suits a visitor who followed an old link.
        """
        frame = self.workbench.images([image_id])
        if frame.empty:
            raise UnknownImage(_GONE_MESSAGE)
        return frame

    def similar(self, query: "int | Query", radius: int | None) -> pd.DataFrame:
        """Run `Workbench.similar` for an image of the store, or for a fingerprint.

        Raises
        ------
        UnknownImage
            If the image is not in the store; the message suits a visitor who followed an old link.
        """
        try:
            return self.workbench.similar(query, radius)
        except UnknownImage as error:
            raise UnknownImage(_GONE_MESSAGE) from error

    def thumbnails(self, image_ids: Sequence[int]) -> tuple[bytes, ...]:
        """Read thumbnails of images, JPEG; empty for missing or unreadable ones."""
        image_ids = [int(image_id) for image_id in image_ids]
        if not image_ids:
            return ()
        try:
            return tuple(self.workbench.thumbnails(image_ids))
        except (StorageError, UnknownImage):
            # One by one, which is slower, so that only the unreadable one is lost.
            return tuple(self._thumbnail(image_id) for image_id in image_ids)

    def new_thumbnail(self, image_id: int, digest: str) -> bytes:
        """Read the thumbnail of a new image, without a query of the catalog."""
        try:
            return self.workbench.blobs.thumbnail(digest)
        except StorageError:
            return self._thumbnail(image_id)

    def _thumbnail(self, image_id: int) -> bytes:
        try:
            return self.workbench.thumbnail(image_id)
        except (StorageError, UnknownImage):  # the tile shows that it is missing
            return b""

    def listing(self, frame: pd.DataFrame) -> ImageListing:
        """Read the thumbnails of a frame's images."""
        frame = frame.reset_index(drop=True)
        return ImageListing(frame, self.thumbnails(frame["image_id"].tolist()))
