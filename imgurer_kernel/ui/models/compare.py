"""The content of a comparison: facts side by side, and overlays of two pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from imgurer_kernel.common.text import elide_path, pixels
from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.explain.explanation import Explanation
from imgurer_kernel.report.explain.pictures import laid_pictures
from imgurer_kernel.ui.models.captions import alt_text, image_facts, make_tile
from imgurer_kernel.ui.models.search_history import SearchQuery
from imgurer_kernel.ui.session import VisitorSession, row_dicts
from imgurer_kernel.ui.widgets.compare import ComparedFact, ComparedPictures
from imgurer_kernel.ui.widgets.tile_data import Tile

MOST = 6
"""Most pictures that fit side by side."""

SHOWN = 1100
"""Longer side in pixels at which two pictures are overlaid."""

NOT_STORED = -1
"""The image_id of a tile of a picture that is not in the store."""

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_PLACE = "File"
# Always different, and of no interest in a comparison.
_LEFT_OUT = "Added"


def compare_pictures(
    session: VisitorSession,
    image_ids: Sequence[int],
    files: Mapping[int, tuple[str, str]] = MappingProxyType({}),
) -> ComparedPictures:
    """Read the facts of pictures, and how each is aligned with the first.

    Parameters
    ----------
    image_ids
        Two to `MOST` different ones; a single one is shown without a comparison.
    files
        By image_id, name and path of the file that is meant, where an image has several; an empty
        path is not shown.

    Raises
    ------
    QueryError
        If there are none, too many, or one twice.
    UnknownImage
        If one of them is not in the store.
    """
    ids = [int(each) for each in image_ids]
    if not 1 <= len(ids) <= MOST or len(set(ids)) < len(ids):
        message = f"pictures {ids} cannot be compared; give 1 to {MOST} different ones"
        raise QueryError(message)
    rows = [row_dicts(session.image(each))[0] for each in ids]
    rows = [
        row | {"filename": files[each][0]} if each in files else row
        for row, each in zip(rows, ids, strict=True)
    ]
    thumbnails = session.thumbnails(ids)
    tiles = [make_tile(row, thumbnail) for row, thumbnail in zip(rows, thumbnails, strict=True)]
    comparison = ComparedPictures(
        tiles=tiles,
        sizes=[(int(row["width"]), int(row["height"])) for row in rows],
        maps=[_IDENTITY] * len(ids),
        facts=compared_facts([dict(_facts(session, row, files)) for row in rows]),
    )
    if len(ids) != 2:
        evidence = [session.workbench.evidence(ids[0], other) for other in ids[1:]]
        return replace(comparison, maps=[_IDENTITY, *(each.transform for each in evidence)])
    return _laid(comparison, session.workbench.explain(ids[0], ids[1], shown=SHOWN))


def compare_with_query(
    session: VisitorSession, query: SearchQuery, image_id: int
) -> ComparedPictures:
    """Read how a picture of the store lies on one that is not stored, of which a thumbnail is kept.

    Raises
    ------
    UnknownImage
        If the picture is not in the store any more.
    """
    [row] = row_dicts(session.image(image_id))
    asked = {"filename": query.name, "width": query.width, "height": query.height}
    tile = Tile(
        image_id=NOT_STORED,
        name=query.name,
        detail=f"{pixels(query.width, query.height)} · its thumbnail",
        alt=alt_text(asked),
        thumbnail=query.thumbnail,
    )
    comparison = ComparedPictures(
        tiles=[tile, make_tile(row, session.thumbnails([image_id])[0])],
        sizes=[(query.width, query.height), (int(row["width"]), int(row["height"]))],
        maps=[_IDENTITY] * 2,
        facts=compared_facts([dict(query.facts), dict(_facts(session, row, {}))]),
    )
    return _laid(comparison, session.workbench.explain(query.picture, image_id, shown=SHOWN))


def _laid(comparison: ComparedPictures, explanation: Explanation) -> ComparedPictures:
    """Add what is known of two pictures as they lie on each other."""
    aligned, beneath, difference = laid_pictures(explanation)
    height, width = explanation.overlay.beneath.shape[:2]
    return replace(
        comparison,
        maps=[_IDENTITY, explanation.overlay.transform],
        text=explanation.words,
        aligned=aligned,
        beneath=beneath,
        difference=difference,
        laid=(width, height),
        differing=explanation.overlay.differing,
        framed=bool(explanation.overlay.apart.any()),
    )


def compared_facts(facts: Sequence[Mapping[str, str]]) -> list[ComparedFact]:
    """Align facts of several pictures in columns; an unknown one is empty.

    Examples
    --------
    >>> [fact.differs for fact in compared_facts([{"Size": "2 MB"}, {"Size": "1 MB"}])]
    [True]
    """
    compared = []
    for label in dict.fromkeys(label for each in facts for label in each):
        values = tuple(each.get(label, "") for each in facts)
        # Two files never have the same place, so a difference is not marked.
        differs = label != _PLACE and len(set(values)) > 1
        compared.append(ComparedFact(label, values, differs))
    return compared


def _facts(
    session: VisitorSession, row: Mapping[str, object], meant: Mapping[int, tuple[str, str]]
) -> list[tuple[str, str]]:
    facts = [fact for fact in image_facts(row) if fact[0] != _LEFT_OUT]
    image_id = int(str(row["image_id"]))
    if image_id in meant:
        paths = [path for _, path in [meant[image_id]] if path]
    else:
        files = session.workbench.files(image_id=image_id)
        if not session.is_admin:  # other users' names and places are private
            files = files[files["user"] == session.account().name]
        paths = files["path"].dropna().tolist()
    return [*facts, *([(_PLACE, elide_path(paths[0], 60))] if paths else [])]
