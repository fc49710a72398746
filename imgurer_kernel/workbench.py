"""The workbench: one object that keeps originals, catalog and index level with each other."""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Literal, Self

import numpy as np
import pandas as pd

from imgurer_kernel.blobs import BlobStore
from imgurer_kernel.catalog import Catalog, Statistics
from imgurer_kernel.clusters import stars
from imgurer_kernel.errors import ImageRejected, ImageTooLarge, NotAllowed, UnknownImage
from imgurer_kernel.index import pairs
from imgurer_kernel.ingest import Ingest, Intake, Outcome, outcome_frame
from imgurer_kernel.live import LiveIndex
from imgurer_kernel.progress import Progress, reporting
from imgurer_kernel.query import check_radius, read_query
from imgurer_kernel.records import Arrival
from imgurer_kernel.results import cluster_frame, similar_frame
from imgurer_kernel.settings import Settings
from imgurer_kernel.sources import Source, find_files
from imgurer_kernel.upkeep import Upkeep, findings_frame
from imgurer_kernel.users import LOCAL, Users


class Workbench:
    """A store of pictures: take in, search, cluster, browse, forget.

    Parameters
    ----------
    settings
        Where the store lies and what it accepts; by default from the environment. The store is
        created on first use. Several processes may use one store at once.

    Examples
    --------
    >>> import tempfile
    >>> with Workbench(Settings(root=tempfile.mkdtemp())) as wb:
    ...     len(wb.images())
    0
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_env()
        self.blobs = BlobStore(self.settings.folder)
        self.catalog = Catalog(self.settings.folder, lease_timeout=self.settings.lease_timeout)
        self.accounts = Users(self.catalog)
        self._intake = Intake(self.catalog, self.blobs, self.settings)
        self._index = LiveIndex(self.catalog)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workbench({str(self.settings.root)!r})"

    def close(self) -> None:
        """Let go of the catalog; a closed workbench opens it again when it is used again."""
        self.catalog.close()

    # Taking in ------------------------------------------------------------------------------

    def ingest(
        self,
        sources: Source | Iterable[Source],
        user: str | None = None,
        progress: Progress = True,
        stop: threading.Event | None = None,
    ) -> pd.DataFrame:
        """Take in files, folders (with all below them), globs, ``file:`` URIs or a list of these.

        Files are read on all cores and committed in batches. Ctrl-C, or the stop button of a
        notebook, ends the run without losing what was done; files that this user brought before
        and that have the same size and modification time are not read again.

        Parameters
        ----------
        user
            Who brings them; by default the local user.
        progress
            True for a bar, False for silence, or a function of (done, total).
        stop
            Set it from another thread to end the run early and get what was done.

        Returns
        -------
        DataFrame
            One row for each file, in their order: source, status (added, duplicate, rejected),
            reason, image_id, digest, dhash.

        Raises
        ------
        SourceError
            If a source names nothing.
        UnknownUser, NotAllowed
            If there is no such user, or the account is disabled.
        StorageError, CatalogError
            If the store fails; what was committed before stays.
        """
        owner = self._owner(user)
        found = list(find_files(sources, outside=self.settings.folder))
        with reporting(progress, len(found), "Taking in") as taken:
            run = Ingest(self._intake, owner, taken, stop or threading.Event())
            run.run(found)
        return outcome_frame(run.outcomes)

    def upload(self, name: str, data: bytes | BinaryIO, user: str | None = None) -> pd.DataFrame:
        """Take in one picture that came without a path; a frame of one row as from `ingest`."""
        owner = self._owner(user)
        source = f"upload:{name}"
        try:
            content = data if isinstance(data, bytes) else data.read(self.settings.max_bytes + 1)
            if len(content) > self.settings.max_bytes:
                message = f"over {self.settings.max_bytes:,} bytes (max_bytes in the settings)"
                raise ImageTooLarge(message)
            arriving = Arrival(
                digest=hashlib.sha256(content).hexdigest(),
                bytes=len(content),
                fingerprint=None,
                user=owner,
                filename=name,
                source=source,
            )
            arrival = self._intake.examine(content, arriving)
        except ImageRejected as error:
            return outcome_frame([Outcome(source=source, status="rejected", reason=str(error))])
        outcomes = self._intake.commit(
            [arrival], again=lambda arrival: self._intake.store(content, arrival)
        )
        return outcome_frame(outcomes)

    def _owner(self, user: str | None) -> str:
        account = self.accounts.ensure_local() if user in {None, LOCAL} else self.accounts.get(user)
        if not account.enabled:
            message = f"the account {account.name!r} is disabled; an admin can enable it again"
            raise NotAllowed(message)
        return account.name

    # Searching ------------------------------------------------------------------------------

    def similar(
        self, query: object, radius: int | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Images whose dHash lies within a radius of the query's.

        Parameters
        ----------
        query
            image_id, path, bytes of a picture file, or a PIL image. An image of the store finds
            itself too, at distance 0.
        radius
            Bits, 0..128; by default that of the settings, 10.
        limit
            Most rows to return.

        Returns
        -------
        DataFrame
            By (distance, image_id): image_id, distance, orientation, score, verdict, digest,
            filename, width, height. The verdict is ``exact`` for the same bytes and else
            ``unverified``: dHash alone tells near, not same. A picture too flat for its dHash to
            mean anything is found by its digest only.

        Raises
        ------
        InvalidRadius, UnknownImage, SourceError, ImageRejected, QueryError
            As the query or the radius deserves.
        """
        radius = self.settings.radius if radius is None else check_radius(radius)
        asked = read_query(query, catalog=self.catalog, settings=self.settings)
        image_ids, distances = np.empty(0, np.int64), np.empty(0, np.uint8)
        if asked.fingerprint.informative:
            image_ids, distances = self._index.search(asked.fingerprint.dhash, radius)
        twin = self.catalog.known([asked.digest]).get(asked.digest)
        if twin is not None and twin not in image_ids:
            image_ids = np.concatenate([image_ids, [twin]])
            distances = np.concatenate([distances, np.zeros(1, np.uint8)])
        if limit is not None:
            order = np.lexsort((image_ids, distances))[:limit]
            image_ids, distances = image_ids[order], distances[order]
        evidence = pd.DataFrame(
            {
                "distance": distances.astype(np.int64),
                "orientation": "upright",
                "score": np.nan,
                "verdict": np.where(image_ids == twin, "exact", "unverified"),
            }
        )
        return similar_frame(image_ids, evidence, self.catalog.images(image_ids))

    def clusters(self, radius: int | None = None) -> pd.DataFrame:
        """Groups of two or more images that are near their medoid by dHash.

        Parameters
        ----------
        radius
            Bits, 0..128, between a member and its medoid; by default that of the settings, 10.

        Returns
        -------
        DataFrame
            One row for each member, the largest cluster first and in it the medoid first:
            cluster_id, image_id, digest, filename, is_medoid, is_keeper, distance_to_medoid,
            score (share of equal bits), label, width, height, bytes.
        """
        radius = self.settings.radius if radius is None else check_radius(radius)
        hashes = self._index.hashes()
        chosen = np.flatnonzero(hashes.informative)
        edges = [np.empty((3, 0), np.int64)]
        edges += [np.stack(chunk) for chunk in pairs(hashes.plain[chosen], radius)]
        first, second, distance = np.concatenate(edges, axis=1)
        found = stars(hashes.image_ids[chosen][first], hashes.image_ids[chosen][second], distance)
        labels = [["medoid", *["near by dHash"] * (cluster.size - 1)] for cluster in found]
        members = [cluster.members for cluster in found]
        image_ids = np.concatenate(members) if members else np.empty(0, np.int64)
        return cluster_frame(found, labels, self.catalog.images(image_ids))

    def rebuild_index(self) -> int:
        """Build the search index anew from the catalog; returns the number of images in it.

        Never needed (the index is derived, and loaded at every start); for peace of mind.
        """
        return self._index.rebuild()

    # Looking --------------------------------------------------------------------------------

    def images(self, image_ids: Sequence[int] | None = None) -> pd.DataFrame:
        """Facts of all images, or of the given ones, by image_id."""
        return self.catalog.images(image_ids)

    def browse(
        self,
        n: int = 48,
        seed: int | None = None,
        order: Literal["random", "newest", "largest"] = "random",
    ) -> pd.DataFrame:
        """At most `n` images to look at; a random choice is the same again for the same seed."""
        return self.catalog.browse(n, seed=seed, order=order)

    def users(self) -> pd.DataFrame:
        """All accounts: name, role, enabled, created_at, last_seen, pictures, bytes."""
        return self.accounts.list()

    def holdings(self, *, image_id: int | None = None, user: str | None = None) -> pd.DataFrame:
        """Who brought which image, under which name, from where and when."""
        return self.catalog.holdings(image_id=image_id, user=user)

    def statistics(self) -> Statistics:
        """How much there is."""
        return self.catalog.statistics()

    def thumbnail(self, image_id: int) -> bytes:
        """JPEG of at most 240x270 pixels.

        Raises
        ------
        UnknownImage
            If there is no image with that id.
        """
        return self.thumbnails([image_id])[0]

    def thumbnails(self, image_ids: Sequence[int]) -> list[bytes]:
        """Thumbnails of several images, in the order of the ids."""
        return [self.blobs.thumbnail(digest) for digest in self._digests(image_ids)]

    def original(self, image_id: int) -> BinaryIO:
        """The original bytes as an open file, which the caller closes."""
        return self.blobs.open(self._digests([image_id])[0])

    def _digests(self, image_ids: Sequence[int]) -> list[str]:
        rows = self.catalog.images(image_ids)
        digests = dict(zip(rows["image_id"], rows["digest"], strict=True))
        for image_id in image_ids:
            if image_id not in digests:
                message = f"there is no image {image_id}; images() lists those that there are"
                raise UnknownImage(message)
        return [digests[image_id] for image_id in image_ids]

    # Keeping --------------------------------------------------------------------------------

    def forget(self, image_id: int, user: str | None = None) -> bool:
        """Drop a user's holdings of an image; the original goes with its last holding.

        An original that goes is moved into the store's trash folder, not erased.

        Returns
        -------
        bool
            Whether that was the last holding, so that the image is gone.

        Raises
        ------
        UnknownImage, NotAllowed
            If there is no such image, or the user holds none.
        """
        digest = self.catalog.forget(image_id, self._owner(user))
        if digest is None:
            return False
        # In a transaction of its own: a crash in between leaves an orphan, never a row without
        # its blob, and nobody can take the same bytes in again meanwhile.
        self.catalog.unless_held(digest, lambda: self.blobs.delete(digest))
        return True

    def check(self, repair: bool = False, progress: Progress = True) -> pd.DataFrame:
        """Compare originals, thumbnails and catalog; an empty frame means that all is well.

        Parameters
        ----------
        repair
            Mend what can be mended: bring originals back from where they came, draw missing
            thumbnails, take orphans in again.

        Returns
        -------
        DataFrame
            One row for each finding: problem, digest, image_id, detail, repaired.
        """
        owner = self._owner(None)
        with reporting(progress, self.statistics().images, "Checking") as taken:
            upkeep = Upkeep(self.catalog, self.blobs, self.settings, owner, repair)
            return findings_frame(upkeep.run(taken))
