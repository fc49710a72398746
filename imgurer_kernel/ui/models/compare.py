"""The content of a comparison: facts side by side, and overlays of two pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from imgurer_kernel.common.text import elide_path
from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.explain.pictures import laid_pictures
from imgurer_kernel.ui.models.captions import image_facts, make_tile
from imgurer_kernel.ui.session import VisitorSession, row_dicts
from imgurer_kernel.ui.widgets.compare import ComparedFact, ComparedPictures

MOST = 6
"""Most pictures that fit side by side."""

SHOWN = 1100
"""Longer side in pixels at which two pictures are overlaid."""

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_PLACE = "File"
# Always different, and of no interest in a comparison.
_LEFT_OUT = "Added"


def compare_pictures(session: VisitorSession, image_ids: Sequence[int]) -> ComparedPictures:
    """Read the facts of pictures, and how each is aligned with the first.

    Parameters
    ----------
    image_ids
        Two to `MOST` different ones; a single one is shown without a comparison.

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
    thumbnails = session.thumbnails(ids)
    tiles = [make_tile(row, thumbnail) for row, thumbnail in zip(rows, thumbnails, strict=True)]
    comparison = ComparedPictures(
        tiles=tiles,
        sizes=[(int(row["width"]), int(row["height"])) for row in rows],
        maps=[_IDENTITY] * len(ids),
        facts=compared_facts([dict(_facts(session, row)) for row in rows]),
    )
    if len(ids) != 2:
        evidence = [session.workbench.evidence(ids[0], other) for other in ids[1:]]
        return replace(comparison, maps=[_IDENTITY, *(each.transform for each in evidence)])
    explanation = session.workbench.explain(ids[0], ids[1], shown=SHOWN)
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


def _facts(session: VisitorSession, row: Mapping[str, object]) -> list[tuple[str, str]]:
    facts = [fact for fact in image_facts(row) if fact[0] != _LEFT_OUT]
    files = session.workbench.files(image_id=int(str(row["image_id"])))
    if not session.is_admin:  # other users' names and places are private
        files = files[files["user"] == session.account().name]
    paths = [elide_path(path, 60) for path in files["path"].dropna().tolist()]
    return [*facts, *([(_PLACE, paths[0])] if paths else [])]
