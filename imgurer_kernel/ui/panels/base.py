"""The base class of panels, and helpers that make stock widgets."""

from html import escape
from typing import TYPE_CHECKING

import ipywidgets

from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.theme.theme import SCOPE, THEME_STYLES, Theme, notice, static
from imgurer_kernel.ui.widgets.tile_board import TileBoard

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench


class PanelTheme(Theme):
    """Adds the stylesheet of pages and panels to the page."""

    _css = static(*THEME_STYLES, "panels/panels.css")


class Panel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A part of the dashboard that can also be shown alone in a notebook cell.

    Parameters
    ----------
    workbench
        The store, or the session of the dashboard that the panel belongs to.
    user
        The viewing user, if it is shown alone; None for the single-user mode.
    """

    def __init__(self, workbench: "Workbench | VisitorSession", user: str | None = None) -> None:
        super().__init__()
        self.standalone = not isinstance(workbench, VisitorSession)
        self.session = (
            workbench if isinstance(workbench, VisitorSession) else VisitorSession(workbench, user)
        )
        self.add_class("imgurer-panel")
        if self.standalone:
            self.add_class(SCOPE)

    def set_parts(self, *children: ipywidgets.Widget) -> None:
        """Set the widgets of the panel; a standalone panel adds the stylesheet itself."""
        # A dashboard adds the stylesheet once for all panels.
        self.children = (PanelTheme(), *children) if self.standalone else children

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.session.workbench!r})"


def with_classes(widget: ipywidgets.DOMWidget, *names: str) -> ipywidgets.DOMWidget:
    """Add CSS classes to a widget, and return it."""
    for name in names:
        widget.add_class(name)
    return widget


def vbox(*children: ipywidgets.Widget, classes: str = "") -> ipywidgets.VBox:
    """Stack widgets vertically; `classes` are separated by spaces."""
    return with_classes(ipywidgets.VBox(children), *classes.split())


def hbox(*children: ipywidgets.Widget, classes: str = "imgurer-toolbar") -> ipywidgets.HBox:
    """Put widgets side by side; `classes` are separated by spaces."""
    return with_classes(ipywidgets.HBox(children), *classes.split())


def button(
    text: str, *, style: str = "", quiet: bool = False, tooltip: str = ""
) -> ipywidgets.Button:
    """Make a button; `style` is one of ipywidgets' styles, `quiet` makes it look like a link."""
    made = ipywidgets.Button(description=text, button_style=style, tooltip=tooltip or None)
    return with_classes(made, "imgurer-quiet") if quiet else made


def dropdown(options: dict[str, str], value: str, label: str) -> ipywidgets.Dropdown:
    """Make a dropdown; `options` maps values to their texts."""
    pairs = [(text, key) for key, text in options.items()]
    return ipywidgets.Dropdown(options=pairs, value=value, description=label)


def set_visible(widget: ipywidgets.DOMWidget, visible: bool) -> None:
    """Show a widget, or remove it from the page's layout."""
    widget.layout.display = None if visible else "none"


def set_class(widget: ipywidgets.DOMWidget, name: str, on: bool) -> None:
    """Add a CSS class to a widget, or remove it."""
    if on:
        widget.add_class(name)
    else:
        widget.remove_class(name)


def caption(text: str) -> str:
    """Make the HTML of a small line of text, escaped."""
    return f'<p class="imgurer-caption">{escape(text)}</p>'


def show_busy(board: TileBoard, *jobs: Job) -> None:
    """Mark a board of pictures as busy while any of the jobs loads its content."""

    def update(_: object) -> None:
        board.busy = any(job.busy for job in jobs)

    for job in jobs:
        job.observe(update, "busy")
    update(None)


class Message(ipywidgets.HTML):  # type: ignore[misc]  # ipywidgets has no types
    """A framed line of text; `theme.notice` escapes it."""

    def show(self, text: str, meaning: str = "attention") -> None:
        """Show a text, or hide the message if it is empty."""
        self.value = notice(text, meaning) if text else ""  # type: ignore[arg-type]
        set_visible(self, bool(text))
