"""The common stylesheet and icons, and HTML snippets that use them.

`Theme` styles the stock widgets of a page. Each widget of this package also brings the tokens
(colours, spacing) itself, so that it looks right alone in a notebook cell.

Classes for boxes and widgets on a page (``box.add_class``):

=====================  ==========================================================================
imgurer-toolbar        a row that wraps
imgurer-columns        a column of 320 px, then the rest; one column where the window is narrow
imgurer-columns-end    with the former: the column of 320 px comes last
imgurer-card           a bordered box
imgurer-grow           takes the room that is left in a row
imgurer-quiet          a button that looks like a link
imgurer-caption        small, quiet text
=====================  ==========================================================================
"""

import json
from html import escape
from importlib import resources
from typing import Literal

import anywidget

Meaning = Literal["", "done", "attention", "failed"]

SCOPE = "imgurer"
"""CSS class of all elements that the stylesheet applies to."""

THEME_STYLES = ("theme/tokens.css", "theme/page.css", "theme/controls.css", "theme/text.css")
"""The files of a page's stylesheet, in the order in which they are joined."""


def static(*names: str) -> str:
    """Join the text of files below ``ui/``; there is no build step.

    Examples
    --------
    >>> "--imgurer-accent" in static("theme/tokens.css")
    True
    """
    folder = resources.files("imgurer_kernel.ui")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def icons() -> dict[str, str]:
    """Read the SVG path of each icon, by name, in a box of 16x16, drawn as a line."""
    paths: dict[str, str] = json.loads(static("theme/icons.json"))
    return paths


def script(*names: str) -> str:
    """Join files below ``ui/`` into one ES module, with the table of icons in front."""
    return f"const ICONS = {json.dumps(icons())};\n{static(*names)}"


class Theme(anywidget.AnyWidget):
    """Adds the stylesheet to the page; invisible."""

    _esm = "export default { render({ el }) { el.classList.add('imgurer-theme'); } };"
    _css = static(*THEME_STYLES)


def icon(meaning: Meaning) -> str:
    """Make the inline SVG of a meaning, hidden from screen readers, since text stands beside it."""
    if not meaning:
        return ""
    return (
        f'<svg class="imgurer-icon imgurer-{meaning}" viewBox="0 0 16 16" fill="none" '
        'stroke="currentColor" stroke-width="1.6" stroke-linecap="round" '
        f'stroke-linejoin="round" aria-hidden="true"><path d="{icons()[meaning]}"/></svg>'
    )


def notice(text: str, meaning: Meaning = "attention") -> str:
    """Make the HTML of a framed message; the text is escaped.

    Examples
    --------
    >>> "<script>" in notice("<script>", "failed")
    False
    """
    role = "alert" if meaning == "failed" else "status"
    return (
        f'<div class="imgurer-notice imgurer-notice-{meaning or "plain"}" role="{role}">'
        f"{icon(meaning)}<span>{escape(text)}</span></div>"
    )
