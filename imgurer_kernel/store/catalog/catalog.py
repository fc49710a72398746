"""`Catalog`: the one object through which everything else reads and writes the DuckDB file."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pandas as pd

from imgurer_kernel.common.records import Account, Arrival, Fingerprint, Receipt, Role
from imgurer_kernel.common.types import Int64s, UInt8s
from imgurer_kernel.store.catalog import commands, fingerprints, queries, users
from imgurer_kernel.store.catalog.connection import Connection, first_row, now
from imgurer_kernel.store.catalog.queries import Changes, ImageIds, Order, Statistics
from imgurer_kernel.store.catalog.session import CatalogSession

Result = TypeVar("Result")


class Catalog:
    """Images, holdings and users of one store, in ``catalog.duckdb``.

    The file is not opened before the first use. Any number of processes and threads may use one
    store at the same time: each transaction waits for its turn
    (`imgurer_kernel.store.catalog.lock`), and the
    file is let go 0.5 s after the last one. Every write may be repeated without harm, because a
    client that was killed may have committed without hearing so.

    Parameters
    ----------
    root
        The store's folder; it is made if it does not exist.
    lease_timeout
        Seconds to wait for others.

    Raises
    ------
    CatalogBusy
        From every method: another process, which is named, held the catalog for too long.
    CatalogDamaged, CatalogTooNew, StorageFull, StorageDenied
        From every method: the file cannot be opened, read or written.
    CatalogError
        From every method: whatever else DuckDB refuses.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Catalog(Path(folder)) as catalog:
    ...     catalog.add_user("ann", "member", None)
    ...     catalog.account("ann").role
    'member'
    """

    def __init__(self, root: Path, *, lease_timeout: float = 30.0) -> None:
        self.path = root / "catalog.duckdb"
        self._session = CatalogSession(self.path, lease_timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Catalog({str(self.path.parent)!r})"

    def transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one transaction: all of it is committed, or, if it raises, none.

        `work` gets the open connection, and returns values that it has fetched: the connection
        may be closed any time afterwards. Inside of `work` a further `transaction` of the same
        thread joins this one; if that one fails, this one fails as a whole.
        """

        def checked(connection: Connection) -> Result:
            result = work(connection)
            # DuckDB commits an aborted transaction without a word and without effect, where
            # `work` has caught the error that aborted it; any statement brings that out.
            first_row(connection, "SELECT 1")
            return result

        return self._session.transaction(checked)

    def release(self) -> None:
        """Let other processes have the catalog at once; it is opened again when needed."""
        self._session.release()

    def close(self) -> None:
        """The same as `release`: a closed catalog may be used again."""
        self.release()

    # Images and holdings --------------------------------------------------------------------

    def add(
        self,
        arrivals: Sequence[Arrival],
        confirm: Callable[[Sequence[Arrival]], None] | None = None,
    ) -> list[Receipt]:
        """Enter arrivals in one transaction; what is there already is left as it is.

        A source that now holds other bytes than before gets another holding. The earlier one
        stays, marked as replaced: the earlier picture is still held, and nothing is lost until
        somebody forgets it.

        Parameters
        ----------
        confirm
            Called with the arrivals just before the commit; if it raises, nothing is entered.

        Returns
        -------
        list of Receipt
            One for each arrival; `added` for the first of each digest that was new.

        Raises
        ------
        UnknownUser
            If an arrival's user does not exist.
        UnknownImage
            If an arrival has no fingerprint and there is no image with its digest.
        """
        return self._session.transaction(partial(commands.add, arrivals=arrivals, confirm=confirm))

    def forget(self, image_id: int, user: str) -> str | None:
        """Drop all holdings that a user has of an image, and with the last holding the image.

        Returns
        -------
        str or None
            The digest if the image is gone; None if others still hold it.

        Raises
        ------
        UnknownImage, NotAllowed
            If there is no such image, or the user holds none.
        """
        return self._session.transaction(partial(commands.forget, image_id=image_id, user=user))

    def unless_held(self, digest: str, act: Callable[[], object]) -> bool:
        """Call `act` if no image has this digest, while nobody can add one; True if called."""

        def work(connection: Connection) -> bool:
            if commands.known(connection, [digest]):
                return False
            act()
            return True

        return self._session.transaction(work)

    def known(self, digests: Sequence[str]) -> dict[str, int]:
        """The image ids of those digests that there are images of."""
        return self._session.transaction(partial(commands.known, digests=digests))

    def generation(self) -> int:
        """A number that grows with every commit that changes images or holdings."""
        return self._session.transaction(queries.generation)

    def changes(self, since: int, algorithm: str | None = None) -> Changes:
        """What an index that was read at generation `since` must take in and drop; 0 for all.

        With an algorithm, images that were fingerprinted by another one are not informative.

        Raises
        ------
        QueryError
            If the catalog has not reached that generation: it was replaced by an older one.
        """
        return self._session.transaction(partial(queries.changes, since=since, algorithm=algorithm))

    def images(
        self, image_ids: ImageIds | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Images by image_id: all, or those of the given ids that there are.

        Parameters
        ----------
        columns
            Those that are wanted, which is faster; all by default.

        Returns
        -------
        DataFrame
            image_id, digest, dhash (32 hex digits), filename (of the first holding), width,
            height, format, frames, bytes, informative, taken_at (the camera's clock), camera,
            latitude, longitude, added_at (UTC), holders (number of users), algorithm.
        """
        return self._session.transaction(
            partial(queries.images, image_ids=image_ids, columns=columns)
        )

    def browse(self, n: int, *, seed: int | None = None, order: Order = "random") -> pd.DataFrame:
        """The first `n` images in an order, with the columns of `images`.

        Raises
        ------
        QueryError
            If `n` is negative or there is no such order.
        """
        return self._session.transaction(partial(queries.browse, n=n, seed=seed, order=order))

    def fingerprint(self, image_id: int) -> tuple[str, Fingerprint]:
        """Digest and fingerprint of an image; its thumbnail is left empty, being a file.

        Raises
        ------
        UnknownImage
            If there is no such image.
        """
        return self._session.transaction(partial(queries.fingerprint, image_id=image_id))

    def digest_ranks(self, image_ids: ImageIds) -> Int64s:
        """Places of images in the order of their digests, int64 (n,), in the order of the ids.

        Raises
        ------
        UnknownImage
            If one of them does not exist.
        """
        return self._session.transaction(partial(queries.digest_ranks, image_ids=image_ids))

    def grays(self, image_ids: ImageIds) -> UInt8s:
        """The 9x9 gray pictures, uint8 (n, 9, 9), in the order of the ids.

        Raises
        ------
        UnknownImage
            If one of them does not exist.
        """
        return self._session.transaction(partial(queries.grays, image_ids=image_ids))

    def verification(self, image_ids: ImageIds) -> UInt8s:
        """The 64x64 gray pictures, uint8 (n, 64, 64), in the order of the ids.

        Raises
        ------
        UnknownImage
            If one of them does not exist.
        """
        return self._session.transaction(partial(queries.verification, image_ids=image_ids))

    def held(self, user: str, sources: Sequence[str]) -> pd.DataFrame:
        """What a user's sources held when they were last taken in, by source.

        Returns
        -------
        DataFrame
            source, bytes, modified_ns, image_id, digest, dhash; sources never seen are missing.
        """
        return self._session.transaction(partial(queries.held, user=user, sources=sources))

    def holdings(self, *, image_id: int | None = None, user: str | None = None) -> pd.DataFrame:
        """Who brought what, by image_id and time; of one image or one user where given.

        Returns
        -------
        DataFrame
            user, image_id, filename, source, bytes, modified_ns, brought_at (UTC), replaced_at
            (UTC; when the same source came with other bytes, NaT for most).
        """
        return self._session.transaction(partial(queries.holdings, image_id=image_id, user=user))

    def statistics(self) -> Statistics:
        """Figures of the whole catalog."""
        return self._session.transaction(queries.statistics)

    # Fingerprints of other algorithms, and equal pixels ---------------------------------------

    def stale(self, algorithm: str) -> pd.DataFrame:
        """Images whose fingerprint is of another algorithm, by image_id: image_id, digest."""
        return self._session.transaction(partial(fingerprints.stale, algorithm=algorithm))

    def refresh(self, found: Mapping[int, Fingerprint]) -> None:
        """Replace the fingerprints of images, in one transaction; unknown ids are passed over."""
        self._session.transaction(partial(fingerprints.refresh, found=found))

    def twins(self, pixels: str, algorithm: str) -> list[int]:
        """The uninformative images that have these pixels, by image_id."""
        work = partial(fingerprints.twins, pixels=pixels, algorithm=algorithm)
        return self._session.transaction(work)

    def identical(self, algorithm: str) -> list[list[int]]:
        """Groups of uninformative images with the same pixels, each in the order of digests."""
        return self._session.transaction(partial(fingerprints.identical, algorithm=algorithm))

    # Users ----------------------------------------------------------------------------------

    def add_user(self, name: str, role: Role, password_hash: str | None) -> None:
        """Enter a new, enabled user; raises `UserExists`."""
        self._session.transaction(
            partial(users.add_user, name=name, role=role, password_hash=password_hash)
        )

    def account(self, name: str) -> Account:
        """One user's account; raises `UnknownUser`."""
        return self._session.transaction(partial(users.account, name=name))

    def accounts(self) -> pd.DataFrame:
        """All users by name: name, role, enabled, created_at, last_seen, pictures, bytes."""
        return self._session.transaction(users.accounts)

    def password_hash(self, name: str) -> str | None:
        """A user's password hash, None for a user without a password; raises `UnknownUser`."""
        return self._session.transaction(partial(users.password_hash, name=name))

    def set_password_hash(self, name: str, password_hash: str | None) -> None:
        """Give a user another password; raises `UnknownUser`."""
        self._update_user(name, "password_hash", password_hash)

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role; raises `UnknownUser`."""
        self._update_user(name, "role", role)

    def set_enabled(self, name: str, enabled: bool) -> None:
        """Let a user in, or keep them out; raises `UnknownUser`."""
        self._update_user(name, "enabled", enabled)

    def touch_user(self, name: str) -> None:
        """Note that a user has been here just now; raises `UnknownUser`."""
        self._update_user(name, "last_seen", now())

    def _update_user(self, name: str, column: str, value: str | bool | datetime | None) -> None:
        self._session.transaction(partial(users.update_user, name=name, column=column, value=value))
