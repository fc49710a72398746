"""The base of panels with a board of pictures and the details of the selected one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.models.captions import Fact
from imgurer_kernel.ui.models.search_history import SearchQuery
from imgurer_kernel.ui.panels.base import Panel, show_busy
from imgurer_kernel.ui.panels.details import DetailsPanel
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.tile_board import TileBoard

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench

Model = TypeVar("Model")


class BoardPanel(Panel, Generic[Model]):
    """A panel with a model's pictures on a board, and details of the selected one.

    Parameters
    ----------
    workbench, user
        As for `Panel`.
    model
        Another panel's model, to show the same content; None for a new one.
    make_model
        Makes a new model for a session.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None,
        model: Model | None,
        make_model: Callable[[VisitorSession], Model],
    ) -> None:
        super().__init__(workbench, user)
        self.model = make_model(self.session) if model is None else model

    def details_of(
        self,
        board: TileBoard,
        *jobs: Job,
        on_open: Callable[[int], None] | None,
        extra_facts: Callable[[int], Sequence[Fact]] = lambda _: (),
        compare_with: Callable[[int], int | SearchQuery] = lambda _: -1,
    ) -> DetailsPanel:
        """Make the details that follow a board; the board is busy while any of the jobs runs.

        Parameters
        ----------
        on_open
            Called with the image_id of a picture that is opened on the board or searched for
            beside it; None for neither.
        extra_facts
            Facts that the board knows of a picture, by image_id.
        compare_with
            As for `DetailsPanel`.
        """
        details = DetailsPanel(self.session, on_open, extra_facts, compare_with)
        if on_open is not None:
            board.on_open(on_open)
        details.follow(board)
        show_busy(board, *jobs)
        return details
