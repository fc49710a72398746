"""What all panels have in common: one session, one stylesheet, a gallery beside the details."""

from html import escape
from typing import TYPE_CHECKING

import ipywidgets

from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.theme.theme import SCOPE, Theme, notice, static
from imgurer_kernel.ui.widgets.gallery import ClusterList, Gallery

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench


class PanelTheme(Theme):
    """The stylesheet, and what the panels add to it."""

    _css = static("theme/tokens.css", "theme/theme.css", "panels/panels.css")


class Panel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A part of the dashboard that can also be shown alone in a notebook cell.

    Parameters
    ----------
    workbench
        The store, or the session of the dashboard that the panel belongs to.
    user
        Who looks at it, where it is shown alone; None for the single-user mode.
    """

    def __init__(self, workbench: "Workbench | VisitorSession", user: str | None = None) -> None:
        super().__init__()
        self.alone = not isinstance(workbench, VisitorSession)
        self.session = (
            workbench if isinstance(workbench, VisitorSession) else VisitorSession(workbench, user)
        )
        self.add_class("imgurer-panel")
        if self.alone:
            self.add_class(SCOPE)

    def arrange(self, *children: ipywidgets.Widget) -> None:
        """Put the parts in place; alone, a panel brings the stylesheet itself."""
        self.children = (PanelTheme(), *children) if self.alone else children


def classed(widget: ipywidgets.DOMWidget, *names: str) -> ipywidgets.DOMWidget:
    """The widget, with CSS classes."""
    for name in names:
        widget.add_class(name)
    return widget


def box(*children: ipywidgets.Widget, classes: str = "") -> ipywidgets.VBox:
    """Widgets one below another."""
    return classed(ipywidgets.VBox(children), *classes.split())


def row(*children: ipywidgets.Widget, classes: str = "imgurer-toolbar") -> ipywidgets.HBox:
    """Widgets side by side."""
    return classed(ipywidgets.HBox(children), *classes.split())


def button(
    text: str, *, style: str = "", quiet: bool = False, tooltip: str = ""
) -> ipywidgets.Button:
    """A button with words on it; `style` is one of ipywidgets' button styles."""
    made = ipywidgets.Button(description=text, button_style=style, tooltip=tooltip or None)
    return classed(made, "imgurer-quiet") if quiet else made


def dropdown(options: dict[str, str], value: str, label: str) -> ipywidgets.Dropdown:
    """A choice of words; `options` maps values to words."""
    pairs = [(words, key) for key, words in options.items()]
    return ipywidgets.Dropdown(options=pairs, value=value, description=label)


def show(widget: ipywidgets.DOMWidget, visible: bool) -> None:
    """Show a widget, or take it out of the page."""
    widget.layout.display = None if visible else "none"


def toggle(widget: ipywidgets.DOMWidget, name: str, on: bool) -> None:
    """Give a widget a CSS class, or take it away."""
    if on:
        widget.add_class(name)
    else:
        widget.remove_class(name)


def caption(text: str) -> str:
    """HTML of a quiet line, escaped."""
    return f'<p class="imgurer-caption">{escape(text)}</p>'


def share_wait(board: Gallery | ClusterList, *jobs: Job) -> None:
    """Let a board of pictures show that any of the jobs works on what it is to show."""

    def follow(_: object) -> None:
        board.busy = any(job.busy for job in jobs)

    for job in jobs:
        job.observe(follow, "busy")
    follow(None)


class Words(ipywidgets.HTML):  # type: ignore[misc]  # ipywidgets has no types
    """A line of HTML made by `theme`'s functions, which escape what they are given."""

    def tell(self, text: str, meaning: str = "attention") -> None:
        """Show a framed message, or nothing where the text is empty."""
        self.value = notice(text, meaning) if text else ""  # type: ignore[arg-type]
        show(self, bool(text))
