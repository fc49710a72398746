"""Every error that this package raises on purpose, in one tree.

::

    ImgurerError
    ├── SettingsError           a setting has a value that cannot work
    │   ├── StoreMissing        there is no store in the given folder
    │   └── StoreRefused        the folder for a new store has other files
    ├── SourceError             a path, folder or glob cannot be read
    │   └── UploadBroken        an upload arrived incomplete or out of order
    ├── ImageRejected           these bytes are not ingested as a picture
    │   ├── UnknownFormat       not a picture, or a format that is not supported
    │   ├── ImageTooLarge       over a limit: bytes, pixels, frames, parts
    │   ├── ImageDamaged        cut off, or broken inside
    │   └── DecoderFailed       decoding failed, and may succeed later: time, memory, a crash
    ├── StorageError            blobs and thumbnails
    │   ├── InvalidDigest       not 64 lower-case hex digits
    │   ├── BlobMissing         no such blob
    │   ├── BlobDamaged         the bytes no longer match their digest
    │   ├── StorageFull         no space, or a quota is reached
    │   └── StorageDenied       read-only, or no permission
    ├── CatalogError            the DuckDB catalog
    │   ├── CatalogBusy         another process held the lease for too long
    │   ├── CatalogDamaged      DuckDB cannot open or read the file
    │   └── CatalogTooNew       written by a later version of this package
    ├── QueryError              a search or a listing was asked for wrongly
    │   ├── InvalidRadius       not a whole number from 0 to 128
    │   ├── UnknownImage        no image with this id
    │   └── UnknownFile         no file with this id, or none in the trash
    ├── UserError               accounts
    │   ├── InvalidUserName     not a user name
    │   ├── InvalidPassword     too short, or too long
    │   ├── UserExists          the name is taken
    │   ├── UnknownUser         no such user
    │   ├── LoginFailed         wrong name or password, or a disabled account
    │   └── NotAllowed          the user has no permission for this
    ├── ReviewError             decisions about duplicates, and acts on them
    │   ├── ActRefused          an act on a file is not safe, or not allowed
    │   │   └── FileInaccessible  a file of an act cannot be read now
    │   └── PlanInvalid         a plan cannot be read or carried out
    └── ServerError             the dashboard cannot be served
        ├── PortTaken           another program listens on the port
        └── UnsafeListen        listening beyond this machine without a login

A message has the problem, the value found, and the remedy. An error of a library is mapped
to one of these where it occurs, and is available as ``__cause__``.
"""


class ImgurerError(Exception):
    """Base of all errors of this package."""


class SettingsError(ImgurerError):
    """A setting has a value that cannot work."""


class StoreMissing(SettingsError):
    """There is no store in the given folder; the message names the nearest one."""


class StoreRefused(SettingsError):
    """A folder with other files becomes a store only if that is forced."""


class SourceError(ImgurerError):
    """A path, folder or glob cannot be read."""


class UploadBroken(SourceError):
    """An upload arrived incomplete or out of order."""


class ImageRejected(ImgurerError):
    """A file is rejected as a picture; the message is the reason shown to users."""


class UnknownFormat(ImageRejected):
    """Not a picture, or a format that is not supported."""


class ImageTooLarge(ImageRejected):
    """Over a limit: bytes, pixels, frames, or the parts that a file is made of."""


class ImageDamaged(ImageRejected):
    """Cut off, or broken inside."""


class DecoderFailed(ImageRejected):
    """Decoding took too long or too much memory, crashed or was refused; it may succeed later."""


class StorageError(ImgurerError):
    """Blobs and thumbnails."""


class InvalidDigest(StorageError):
    """Not 64 lower-case hex digits."""


class BlobMissing(StorageError):
    """No such blob."""


class BlobDamaged(StorageError):
    """The bytes no longer match their digest."""


class StorageFull(StorageError):
    """No space is left, or a quota is reached."""


class StorageDenied(StorageError):
    """The folder is read-only, or there is no permission."""


class CatalogError(ImgurerError):
    """The DuckDB catalog."""


class CatalogBusy(CatalogError):
    """Another process held the lease for too long."""


class CatalogDamaged(CatalogError):
    """DuckDB cannot open or read the file."""


class CatalogTooNew(CatalogError):
    """The catalog was written by a later version of this package."""


class QueryError(ImgurerError):
    """An argument of a search or a listing is invalid."""


class InvalidRadius(QueryError):
    """Not a whole number from 0 to 128."""


class UnknownImage(QueryError):
    """No image with this id."""


class UnknownFile(QueryError):
    """No file with this id, or none in the trash."""


class UserError(ImgurerError):
    """Accounts."""


class InvalidUserName(UserError):
    """Not a user name."""


class InvalidPassword(UserError):
    """A password that is too short or too long."""


class UserExists(UserError):
    """The name is taken."""


class UnknownUser(UserError):
    """No such user."""


class LoginFailed(UserError):
    """Wrong name or password, or a disabled account."""


class NotAllowed(UserError):
    """The user has no permission for this."""


class ReviewError(ImgurerError):
    """Decisions about duplicates, and acts on them."""


class ActRefused(ReviewError):
    """An act on a file is not safe, or not allowed; nothing was changed."""


class FileInaccessible(ActRefused):
    """A file of an act, or a folder above it, cannot be read now; it may well be there."""


class PlanInvalid(ReviewError):
    """A plan cannot be read or carried out."""


class ServerError(ImgurerError):
    """The dashboard cannot be served."""


class PortTaken(ServerError):
    """Another program listens on the port."""


class UnsafeListen(ServerError):
    """Listening beyond this machine without a login."""
