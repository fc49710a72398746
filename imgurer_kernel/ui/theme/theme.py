"""One look for all that this package shows: tokens, the stock widgets' clothes, words with icons.

A page is put together with `themed`; each widget of this package also brings the tokens
itself, so that it looks right alone in a notebook cell.

Classes for boxes and widgets on a page (``box.add_class``):

=====================  ==========================================================================
imgurer-toolbar        a row that wraps
imgurer-columns        a column of 320 px, then the rest; one column where the window is narrow
imgurer-columns-end    with the former: the column of 320 px comes last
imgurer-card           a frame
imgurer-grow           takes the room that is left in a row
imgurer-quiet          a button that looks like a link
imgurer-muted          less important words
imgurer-caption        small words
imgurer-table          an HTML table; ``imgurer-number`` on its cells with figures
=====================  ==========================================================================
"""

import json
from html import escape
from importlib import resources
from typing import Literal

import anywidget
import ipywidgets

Meaning = Literal["", "done", "attention", "failed"]

SCOPE = "imgurer"
"""CSS class of everything that the stylesheet dresses."""


def static(*names: str) -> str:
    """Text of files below ``ui/``, one after another: there is no build step.

    Examples
    --------
    >>> "--imgurer-accent" in static("theme/tokens.css")
    True
    """
    folder = resources.files("imgurer_kernel.ui")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def icons() -> dict[str, str]:
    """SVG path of each icon in a box of 16x16, drawn as a line."""
    drawn: dict[str, str] = json.loads(static("theme/icons.json"))
    return drawn


def script(*names: str) -> str:
    """An ES module out of files below ``ui/``, with the table of icons in front."""
    return f"const ICONS = {json.dumps(icons())};\n{static(*names)}"


class Theme(anywidget.AnyWidget):
    """Puts the stylesheet on the page, once; shows nothing itself."""

    _esm = "export default { render({ el }) { el.classList.add('imgurer-theme'); } };"
    _css = static("theme/tokens.css", "theme/theme.css")


def themed(*children: ipywidgets.Widget) -> ipywidgets.VBox:
    """A page: its children, one below another, dressed by the stylesheet.

    Examples
    --------
    >>> page = themed(ipywidgets.Label("hello"))
    >>> page._dom_classes
    ('imgurer', 'imgurer-page')
    """
    page = ipywidgets.VBox([Theme(), *children])
    page.add_class(SCOPE)
    page.add_class(f"{SCOPE}-page")
    return page


def icon(meaning: Meaning) -> str:
    """The inline SVG of a meaning, hidden from screen readers since words stand beside it."""
    if not meaning:
        return ""
    return (
        f'<svg class="imgurer-icon imgurer-{meaning}" viewBox="0 0 16 16" fill="none" '
        'stroke="currentColor" stroke-width="1.6" stroke-linecap="round" '
        f'stroke-linejoin="round" aria-hidden="true"><path d="{icons()[meaning]}"/></svg>'
    )


def words(text: str, meaning: Meaning = "") -> str:
    """HTML of one line of text behind the icon of its meaning; the text is escaped.

    Examples
    --------
    >>> words("<b>")
    '<span class="imgurer-words">&lt;b&gt;</span>'
    """
    kind = f" imgurer-{meaning}" if meaning else ""
    return f'<span class="imgurer-words{kind}">{icon(meaning)}{escape(text)}</span>'


def notice(text: str, meaning: Meaning = "attention", title: str = "") -> str:
    """HTML of a framed message, for an error or a hint next to what it is about.

    Examples
    --------
    >>> "<script>" in notice("<script>", "failed")
    False
    """
    strong = f"<strong>{escape(title)}</strong> " if title else ""
    role = "alert" if meaning == "failed" else "status"
    return (
        f'<div class="imgurer-notice imgurer-notice-{meaning or "plain"}" role="{role}">'
        f"{icon(meaning)}<span>{strong}{escape(text)}</span></div>"
    )


def figures(items: list[tuple[str, str]]) -> str:
    """HTML of large figures, each a (value, what it counts); escaped.

    Examples
    --------
    >>> figures([("12", "clusters")]).count("<strong>12</strong>")
    1
    """
    cells = "".join(
        f"<div><strong>{escape(value)}</strong><span>{escape(label)}</span></div>"
        for value, label in items
    )
    return f'<div class="imgurer-figures">{cells}</div>'
