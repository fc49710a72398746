"""Explanations of several pairs of pictures, shown and saved together."""

import base64
import html
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgurer_kernel.report.explain.explanation import Explanation

SHOWN = 12
"""Most figures shown in a notebook; some 80 KB each."""


class Explanations(tuple["Explanation", ...]):
    """Explanations of several pairs; a tuple of `Explanation`.

    A notebook shows the first twelve as figures, and the others as text.
    """

    __slots__ = ()

    def save(self, folder: str | Path) -> list[Path]:
        """Write each figure as PNG into a folder, by its number: ``001.png``.

        Raises
        ------
        StorageDenied, StorageFull
            If one cannot be written.
        """
        place = Path(folder).expanduser()
        place.mkdir(parents=True, exist_ok=True)
        digits = max(3, len(str(len(self))))
        return [each.save(place / f"{k:0{digits}}.png") for k, each in enumerate(self, 1)]

    def __repr__(self) -> str:
        return "\n".join(each.words for each in self) or "no pairs"

    def _repr_html_(self) -> str:
        parts = []
        for number, each in enumerate(self):
            words = html.escape(each.words, quote=True)
            if number >= SHOWN:
                parts.append(f"<p>{words}</p>")
                continue
            jpeg = base64.b64encode(each.figure().jpeg()).decode("ascii")
            style = "max-width:100%;display:block;margin-bottom:16px"
            parts.append(f"<img alt='{words}' style='{style}' src='data:image/jpeg;base64,{jpeg}'>")
        return f"<div>{''.join(parts) or '<p>no pairs</p>'}</div>"
