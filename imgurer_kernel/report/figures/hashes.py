"""Draw a dHash, the difference of two, and pictures side by side."""

import io
from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.image import imread

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.common.text import count
from imgurer_kernel.common.types import BoolMask, UInt8s
from imgurer_kernel.fingerprint.hashes.dhash import bit_planes, hamming
from imgurer_kernel.report.figures.canvas import (
    ACCENT,
    DIFFERENT,
    INK,
    NotebookFigure,
    bare,
    escaped,
)

_COLUMN = 1.55
"""Width of a column of a contact sheet in inches: six columns fit a notebook unscaled."""

_LINE = 28.0
"""Width of a caption below a column, in small letters of its font."""


def dhash_figure(found: Fingerprint, title: str = "") -> NotebookFigure:
    """Draw one picture as its dHash: thumbnail, 9x9 grays, the two 8x8 bit planes.

    A bit of the row plane is set where a gray is darker than its right
    neighbor, a bit of the column plane where it is darker than the one below.
    """
    figure, axes = _panels(1, 4, title)
    _show_picture(axes[0, 0], found.thumbnail, f"{found.width} x {found.height}")
    _show_grays(axes[0, 1], _grays(found), "9 x 9 grays")
    for axis, plane, name in zip(
        axes[0, 2:],
        bit_planes(*found.dhash),
        ("row plane: darker than its right", "column plane: darker than below"),
        strict=True,
    ):
        _show_plane(axis, plane, f"{name}\n{int(plane.sum())} of 64 bits set")
    return figure


def comparison_figure(
    first: Fingerprint, second: Fingerprint, names: tuple[str, str] = ("first", "second")
) -> NotebookFigure:
    """Draw two pictures, their bit planes, and the bits in which they differ."""
    distance = hamming(first.dhash, second.dhash)
    figure, axes = _panels(3, 4, f"distance: {distance} of 128 bits")
    for row, (found, name) in enumerate(zip((first, second), names, strict=True)):
        _show_picture(axes[row, 0], found.thumbnail, name)
        _show_grays(axes[row, 1], _grays(found), "9 x 9 grays")
        for axis, plane, title in zip(
            axes[row, 2:], bit_planes(*found.dhash), ("row plane", "column plane"), strict=True
        ):
            _show_plane(axis, plane, title)
    differing = bit_planes(*first.dhash) ^ bit_planes(*second.dhash)
    for axis in axes[2, :2]:
        axis.set_visible(False)
    for axis, plane in zip(axes[2, 2:], differing, strict=True):
        _show_plane(
            axis, plane, f"{count(int(plane.sum()), 'bit differs', 'bits differ')}", color=DIFFERENT
        )
    return figure


def contact_sheet(
    thumbnails: Sequence[bytes], captions: Sequence[str], columns: int = 6, title: str = ""
) -> NotebookFigure:
    """Draw pictures side by side, fitted and not cropped, each above its caption.

    Caption lines that are wider than a column are shortened in the middle.
    """
    rows = max(1, -(-len(thumbnails) // columns))
    lines = max((caption.count("\n") + 1 for caption in captions), default=1)
    figure = NotebookFigure(
        figsize=(
            _COLUMN * columns,
            (_COLUMN * 0.8 + 0.16 * lines + 0.1) * rows + 0.3 * bool(title),
        ),
        layout="constrained",
    )
    if title:
        figure.suptitle(escaped(title), fontsize=11, color=INK)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(thumbnails) :]:
        axis.set_visible(False)
    for axis, thumbnail, caption in zip(axes.ravel(), thumbnails, captions, strict=False):
        _show_picture(axis, thumbnail, "\n".join(map(_fitting, caption.split("\n"))))
        # All captions of a row at one height, independent of the pictures.
        axis.set_box_aspect(0.78)
        axis.set_aspect("equal", adjustable="datalim")
    return figure


def _fitting(line: str) -> str:
    """Shorten a caption line in the middle if a column is too narrow.

    Examples
    --------
    >>> _fitting("PXL_20240812_143102-compressed.jpg"), _fitting("dunes, framed.jpg")
    ('PXL_202408...pressed.jpg', 'dunes, framed.jpg')
    """
    if sum(map(_width, line)) <= _LINE:
        return line
    half, head, tail = (_LINE - 3) / 2, "", ""
    for letter in line:
        if sum(map(_width, head + letter)) > half:
            break
        head += letter
    for letter in reversed(line):
        if sum(map(_width, letter + tail)) > half:
            break
        tail = letter + tail
    return f"{head}...{tail}"


def _width(letter: str) -> float:
    """Estimate the width of a character, relative to a usual small letter."""
    if letter in "WMm@%" or east_asian_width(letter) in "WF":
        return 2
    return 1.25 if letter.isupper() or letter.isdecimal() else 1


def _panels(rows: int, columns: int, title: str, size: float = 2.6) -> tuple[NotebookFigure, Any]:
    figure = NotebookFigure(figsize=(size * columns, size * rows + 0.3), layout="constrained")
    if title:
        figure.suptitle(escaped(title), fontsize=11, color=INK)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _show_picture(axis: Axes, jpeg: bytes, caption: str) -> None:
    axis.imshow(imread(io.BytesIO(jpeg), format="jpeg"))
    bare(axis, caption)


def _show_grays(axis: Axes, grays: UInt8s, caption: str) -> None:
    axis.imshow(grays, cmap="gray", vmin=0, vmax=255)
    bare(axis, caption)


def _show_plane(axis: Axes, plane: BoolMask, caption: str, color: str = ACCENT) -> None:
    axis.imshow(plane, cmap=ListedColormap(["#eef1f5", color]), vmin=0, vmax=1)
    axis.set_xticks(np.arange(0.5, 7), minor=True)
    axis.set_yticks(np.arange(0.5, 7), minor=True)
    axis.grid(which="minor", color="white", linewidth=1)
    bare(axis, caption)


def _grays(found: Fingerprint) -> UInt8s:
    return np.frombuffer(found.grays, np.uint8).reshape(9, 9)
