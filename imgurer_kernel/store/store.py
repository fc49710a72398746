"""`Store`: settings, originals, catalog and accounts of one store, passed around together."""

from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses
from imgurer_kernel.settings import Settings
from imgurer_kernel.store import place
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.users import Users


class Store:
    """One store: its settings, originals, catalog and accounts.

    Parameters
    ----------
    settings
        Its folder, and what it accepts.
    create
        Whether it is made on first use, if it does not exist (`imgurer_kernel.store.place`).

    Raises
    ------
    StoreMissing, StoreRefused
        If there is none, and `create` is false or the folder has other files.

    Attributes
    ----------
    settings
        Its folder, and what it accepts.
    blobs
        Originals and thumbnails.
    catalog
        Images, files and users; opened on first use.
    users
        The accounts.
    decoders
        The processes that decode untrusted pictures; started on first use.
    """

    def __init__(self, settings: Settings, create: place.Create = True) -> None:
        place.require(settings.root, create)
        self.settings = settings
        self.blobs = BlobStore(settings.root)
        self.catalog = Catalog(
            settings.root, lease_timeout=settings.lease_timeout, create=bool(create)
        )
        self.users = Users(self.catalog)
        self.decoders = DecoderProcesses(settings.workers)

    def close(self) -> None:
        """Release the catalog and end the child processes; both start again when used."""
        self.catalog.close()
        self.decoders.close()

    def __repr__(self) -> str:
        return f"Store({str(self.settings.root)!r})"
