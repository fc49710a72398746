"""Show thumbnails beside rows of frames in notebooks, for frames with a column ``digest``.

A digest identifies a picture in any store, and survives filters, sorting and merges, unlike a mark
on the frame or a subclass of it.
"""

import re
import secrets
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from imgurer_kernel.errors import StorageError

if TYPE_CHECKING:
    from imgurer_kernel.store.blobs import BlobStore
    from imgurer_kernel.workbench.workbench import Workbench

MAX_STORES = 8
"""Stores to search for digests: the last ones opened."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_known: dict[Path, tuple["BlobStore", int]] = {}


def follow(workbench: "Workbench") -> None:
    """Show thumbnails of this store in frames, if IPython is running."""
    from IPython.core.getipython import get_ipython  # not loaded in scripts

    shell = get_ipython()
    if shell is None:
        return
    settings = workbench.settings
    _known.pop(settings.root, None)
    _known[settings.root] = workbench.blobs, settings.inline_pictures
    while len(_known) > MAX_STORES:
        del _known[next(iter(_known))]
    formatters: Any = shell.display_formatter
    formatters.formatters["text/html"].for_type(pd.DataFrame, html_of)


def html_of(frame: pd.DataFrame) -> str | None:
    """Make the HTML of a frame, with a thumbnail before each row with a known digest.

    The setting ``inline_pictures`` of the store opened last limits the rows, to 50 at most. Other
    frames are shown as by pandas.
    """
    limit = next(reversed(_known.values()))[1] if _known else 0
    if not limit or list(frame.columns).count("digest") != 1 or frame.empty:
        return _plain(frame)
    if not pd.get_option("display.notebook_repr_html"):
        return None
    shown = frame.head(limit)
    pictures = [_thumbnail(digest) for digest in shown["digest"]]
    if not any(pictures):
        return _plain(frame)
    # Cells stay escaped: random marks, which they cannot forge, become pictures afterwards.
    mark = secrets.token_hex(8)
    marks = [f"imgurer-{mark}-{number}-" for number in range(len(shown))]
    shown = shown.copy(deep=False)
    shown.insert(0, "picture", marks, allow_duplicates=True)
    columns = pd.get_option("display.max_columns")
    html = shown.to_html(notebook=True, max_cols=columns or None, show_dimensions=False)
    for each, picture in zip(marks, pictures, strict=True):
        html = html.replace(each, _image(picture), 1)
    rows, width = frame.shape
    of = f"the first {len(shown)} of " if rows > len(shown) else ""
    return f"{html}<p>{of}{rows:,} rows x {width} columns</p>"


def _plain(frame: Any) -> str | None:  # noqa: ANN401 - the method is private in pandas' types
    html: str | None = frame._repr_html_()
    return html


def _thumbnail(digest: object) -> bytes:
    if isinstance(digest, str) and _DIGEST.fullmatch(digest):
        for blobs, _ in reversed(_known.values()):
            try:
                return blobs.thumbnail(digest)
            except StorageError:
                continue  # it may be in another store
    return b""


def _image(jpeg: bytes) -> str:
    if not jpeg:
        return ""
    data = b64encode(jpeg).decode("ascii")
    style = "max-width:72px;max-height:72px;object-fit:contain"
    return f'<img alt="" src="data:image/jpeg;base64,{data}" style="{style}">'
