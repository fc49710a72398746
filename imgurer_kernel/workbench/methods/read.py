"""Read a store as frames and pictures: the part of `Workbench` without searches."""

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO, overload

import pandas as pd

from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.common.records import FileState
from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.fingerprint.browser_view import BrowserView
from imgurer_kernel.store.catalog import Statistics, files, queries
from imgurer_kernel.store.catalog.queries import Order
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.pictures.batch import Several, ids_of, is_batch, queries_of
from imgurer_kernel.workbench.pictures.query import is_image_id


class ReadMethods:
    """Reads a store: images, files, accounts, thumbnails and originals.

    Attributes
    ----------
    store
        The store, with `blobs`, `catalog` and `accounts` as attributes of their own.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.blobs = store.blobs
        self.catalog = store.catalog
        self.accounts = store.users

    def images(self, image_ids: "int | Several | None" = None) -> pd.DataFrame:
        """List facts of all images, or of the given ones, by image_id."""
        return self.catalog.run(queries.images, _optional(image_ids))

    def browse(
        self,
        n: int = 48,
        seed: int | None = None,
        order: Order = "random",
    ) -> pd.DataFrame:
        """Return at most `n` images to look at; a random choice is the same for the same seed."""
        return self.catalog.run(queries.browse, n, seed=seed, order=order)

    def users(self) -> pd.DataFrame:
        """List all accounts: name, role, enabled, created_at, last_seen, pictures, bytes."""
        return self.accounts.list()

    def holdings(
        self, *, image_id: "int | Several | None" = None, user: str | None = None
    ) -> pd.DataFrame:
        """List which user added which image, under which name, from where and when."""
        return self.catalog.run(queries.holdings, image_ids=_optional(image_id), user=user)

    def files(
        self,
        user: str | None = None,
        image_id: "int | Several | None" = None,
        folder: str | os.PathLike[str] | None = None,
        state: FileState | None = None,
    ) -> pd.DataFrame:
        """List users' files: a row for each file, by file_id.

        Parameters
        ----------
        user, image_id, state
            Only files of one user, of one or several images, in one state.
        folder
            Only files ingested from below this folder.

        Returns
        -------
        DataFrame
            file_id, image_id, user, path (missing for an upload), filename, kept (upload, copy,
            link or reference), bytes, modified_at (UTC), device, inode, taken_in (UTC), last_seen
            (UTC), state, source_state. The state says whether the file is available: ``present``,
            ``missing``, or ``changed`` if its path has other content now. The store's own copies
            are always present; source_state is the state of the path that they came from. damaged
            and damage: whether the decoder found damage, and what.
        """
        below = None if folder is None else given_path(folder, "folder", QueryError).absolute()
        return self.catalog.run(
            files.files, user=user, image_ids=_optional(image_id), folder=below, state=state
        )

    def statistics(self) -> Statistics:
        """Count images, files, users and bytes."""
        return self.catalog.run(queries.statistics)

    @overload
    def thumbnail(self, image_id: int) -> bytes: ...

    @overload
    def thumbnail(self, image_id: Several) -> list[bytes]: ...

    def thumbnail(self, image_id: "int | Several") -> bytes | list[bytes]:
        """Return a JPEG of at most 240x270 pixels; for several images a list, as `thumbnails` does.

        Raises
        ------
        UnknownImage
            If there is no image with that id.
        """
        if is_batch(image_id):
            return self.thumbnails(queries_of(image_id))
        return self.thumbnails([image_id])[0]

    def thumbnails(self, image_ids: Several) -> list[bytes]:
        """Read thumbnails of several images, in the order of the ids."""
        return [self.blobs.thumbnail(digest) for digest in self._digests(image_ids)]

    @overload
    def original(self, image_id: int) -> BinaryIO: ...

    @overload
    def original(
        self, image_id: Several, progress: ProgressOption = True
    ) -> Iterator[BinaryIO]: ...

    def original(
        self, image_id: "int | Several", progress: ProgressOption = True
    ) -> BinaryIO | Iterator[BinaryIO]:
        """Open the original bytes as a file, which the caller closes.

        For several images yield one file after the other, in the order of the ids; each is closed
        when the next one is requested.

        Examples
        --------
        >>> sizes = [len(file.read()) for file in wb.original([17, 23])]  # doctest: +SKIP
        """
        if is_batch(image_id):
            return self._originals(self._digests(image_id), progress)
        return self.blobs.open(self._digests([image_id])[0])

    def _originals(self, digests: Sequence[str], progress: ProgressOption) -> Iterator[BinaryIO]:
        with reporting(progress, len(digests), "pictures") as advance:
            for digest in digests:
                with self.blobs.open(digest) as file:
                    yield file
                advance(1)

    @overload
    def browser_view(self, image_id: int) -> BrowserView: ...

    @overload
    def browser_view(
        self, image_id: Several, progress: ProgressOption = True
    ) -> Iterator[BrowserView]: ...

    def browser_view(
        self, image_id: "int | Several", progress: ProgressOption = True
    ) -> BrowserView | Iterator[BrowserView]:
        """Return the original at full resolution as browsers show it; HEIC and TIFF as a JPEG.

        For several images yield one after the other, in the order of the ids.

        Raises
        ------
        UnknownImage
            If there is no image with that id.
        StorageError
            If the original cannot be read.
        ImageRejected
            If it cannot be decoded any more.
        """
        if is_batch(image_id):
            return map(self._shown, self._originals(self._digests(image_id), progress))
        with self.blobs.open(self._digests([image_id])[0]) as file:
            return self._shown(file)

    def _shown(self, file: BinaryIO) -> BrowserView:
        return self.store.decoders.browser_view(file.read(), limits=self.store.settings)

    def _digests(self, image_ids: object) -> list[str]:
        ids = queries_of(image_ids)
        wanted = [int(each) for each in ids if is_image_id(each)]
        digests = self.catalog.run(queries.digests_by_id, wanted)
        for image_id in ids:
            if image_id not in digests:
                message = f"there is no image {image_id}; images() lists those that there are"
                raise UnknownImage(message)
        return [digests[image_id] for image_id in ids]


def _optional(image_ids: "int | Several | None") -> list[int] | None:
    return None if image_ids is None else ids_of(image_ids)
