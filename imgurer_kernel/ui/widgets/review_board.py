"""The board of a review: filters, clusters with their files, and a preview."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages

KEYS = (
    ("← ↑ → ↓", "move between files and clusters; ↓ enters the list from its tab"),
    ("x", "keep the one marked Keep, remove the others"),
    ("k", "keep this file instead"),
    ("d", "these are not the same"),
    ("l", "later"),
    ("u", "undo the last thing done"),
    ("c", "compare with the one that is kept"),
    ("Space", "look closer"),
    ("Esc", "back to the review, also while something opens"),
    ("Enter", "select the file; with Shift a range"),
    ("?", "show these keys"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFile:
    """One file of a cluster.

    Attributes
    ----------
    file_id, image_id
        Sent back in messages.
    name, folder, path
        As in `imgurer_kernel.ui.widgets.tile_data.Tile`.
    no_folder
        Shown where the folder is empty.
    detail
        Pixels and bytes.
    reason
        Why it is kept or removed.
    differs
        Difference from the keeper; shown bold.
    fate
        ``keep``, ``remove``, ``stay`` (in a reference folder, or another user's) or ``missing``.
    fate_text
        The fate in a word or two.
    alt
        Text for screen readers.
    found
        How it was found: bits and agreement.
    thumbnail
        JPEG; empty if there is none.
    """

    file_id: int
    image_id: int
    name: str
    detail: str
    fate: str
    fate_text: str
    alt: str
    thumbnail: bytes
    folder: str = ""
    no_folder: str = "uploaded"
    path: str = ""
    reason: str = ""
    differs: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCluster:
    """One cluster: a title, a line of facts, its files, and the number of files not shown.

    A cluster of files with the same bytes cannot be decided to be different.
    """

    cluster_id: int
    title: str
    facts: str
    files: tuple[ReviewFile, ...]
    removes: int
    more: int = 0
    note: str = ""
    same_bytes: bool = False


class ReviewBoard(anywidget.AnyWidget):
    """Shows clusters, and sends decisions and acts to the model.

    Parameters
    ----------
    on_act
        Called with the name of an act, a cluster_id (-1 for none) and file_ids. The acts are
        ``remove_others``, ``keep``, ``remove``, ``decide`` (with a verdict), ``undo``, ``look``,
        ``compare``, ``preview``, ``confirm``, ``dismiss``, ``save``, and ``set`` for the bars.

    Traits
    ------
    done
        Results by cluster_id as text: text, failed, pending, can_undo, and stays (nothing was done,
        and the cluster is not collapsed).
    bars
        Content of the bars; see `imgurer_kernel.ui.panels.review`.
    place
        A file of the cluster to focus (file_id), and a number that changes each time.
    preview
        The question before many files are removed; empty for none.
    """

    _esm = script(
        "widgets/common.js",
        "widgets/review_bars.js",
        "widgets/review_clusters.js",
        "widgets/review_board.js",
    )
    _css = static(
        "theme/tokens.css",
        "widgets/common.css",
        "widgets/review_bars.css",
        "widgets/review_clusters.css",
        "widgets/review_board.css",
    )
    done = traitlets.Dict().tag(sync=True)
    bars = traitlets.Dict().tag(sync=True)
    preview = traitlets.Dict().tag(sync=True)
    place = traitlets.List([-1, 0]).tag(sync=True)
    shortcuts = traitlets.List([list(key) for key in KEYS]).tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)
    # Separate from the content: they are most of a page, and rarely change with its texts.
    _pictures = traitlets.Bytes().tag(sync=True)

    def __init__(self, on_act: Callable[[str, Mapping[str, Any]], None], **traits: object) -> None:
        super().__init__(**traits)
        self._on_act = on_act
        receive_messages(self, self._receive)

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        return {"clusters": [], "empty": ""}

    def show(self, clusters: Sequence[ReviewCluster], empty_text: str = "") -> None:
        """Show a page of clusters, or `empty_text` if there are none."""
        # Each thumbnail once, in an order that does not depend on the keeper.
        found = {file.image_id: file.thumbnail for each in clusters for file in each.files}
        offsets, offset = {}, 0
        for image_id in sorted(found):
            offsets[image_id] = offset
            offset += len(found[image_id])
        packed = []
        for cluster in clusters:
            files = []
            for file in cluster.files:
                item = asdict(file)
                length = len(item.pop("thumbnail"))
                files.append(item | {"offset": offsets[file.image_id], "length": length})
            rest = {name: getattr(cluster, name) for name in _CLUSTER_FACTS}
            packed.append(rest | {"files": files})
        with self.hold_sync():  # one message, so that names and pictures match
            self._pictures = b"".join(found[image_id] for image_id in sorted(found))
            self._content = {"clusters": packed, "empty": empty_text}

    @property
    def file_ids(self) -> dict[int, int]:
        """The image_id of each shown file, by file_id."""
        return {
            file["file_id"]: file["image_id"]
            for cluster in self._content["clusters"]
            for file in cluster["files"]
        }

    @property
    def file_names(self) -> dict[int, tuple[str, str]]:
        """Name and path of each shown file, by file_id."""
        return {
            file["file_id"]: (file["name"], file["path"])
            for cluster in self._content["clusters"]
            for file in cluster["files"]
        }

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "act" and isinstance(message.get("act"), str):
            self._on_act(message["act"], message)


_CLUSTER_FACTS = ("cluster_id", "title", "facts", "removes", "more", "note", "same_bytes")
