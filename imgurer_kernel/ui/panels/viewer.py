"""View pictures in full resolution, one after the other."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from imgurer_kernel.ui.models.captions import image_facts, make_tile
from imgurer_kernel.ui.models.originals import OriginalLoader
from imgurer_kernel.ui.panels.base import Panel
from imgurer_kernel.ui.session import ImageListing, VisitorSession, row_dicts
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.viewer import Viewer


class ViewerPanel(Panel):
    """Covers the page when pictures are shown.

    Examples
    --------
    ``panel.show_pictures([3, 5, 8], 5)`` shows image 5, with 3 before and 8 after it.
    """

    def __init__(self, session: VisitorSession) -> None:
        super().__init__(session)
        self.job = session.job()
        self.originals = OriginalLoader(session, session.job())
        self.widget = Viewer(self.originals.load)
        self.originals.widget = self.widget
        self._facts: list[list[list[str]]] = []
        self.widget.observe(self._show_facts, "position")
        self.set_parts(ProgressLine(self.job), self.widget)

    def show_pictures(
        self,
        image_ids: Sequence[int],
        image_id: int,
        files: Mapping[int, tuple[str, str]] = MappingProxyType({}),
    ) -> None:
        """Show one of several pictures; the arrow keys lead to the others, in order.

        `files` has the name and path of the file that is meant, where an image has several.
        """
        ids = list(dict.fromkeys(image_ids))

        def read(_: object) -> ImageListing:
            images = self.session.workbench.images(ids).set_index("image_id")
            known_ids = [each for each in ids if each in images.index]
            return self.session.listing(images.loc[known_ids].reset_index())

        self.job.start("Opening", read, lambda listing: self._open(listing, image_id, files))

    def _open(
        self, listing: ImageListing, image_id: int, files: Mapping[int, tuple[str, str]]
    ) -> None:
        rows = row_dicts(listing.frame)
        for row in rows:
            if row["image_id"] in files:
                row["filename"] = files[row["image_id"]][0]
        tiles = [make_tile(*each) for each in zip(rows, listing.thumbnails, strict=True)]
        sizes = [(int(row["width"]), int(row["height"])) for row in rows]
        self._facts = [[list(fact) for fact in image_facts(row)] for row in rows]
        ids = [tile.image_id for tile in tiles]
        if image_id in ids:
            self.widget.show_pictures(tiles, sizes, ids.index(image_id))

    def _show_facts(self, _: object) -> None:
        position = self.widget.position
        self.widget.facts = self._facts[position] if 0 <= position < len(self._facts) else []
