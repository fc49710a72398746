"""Judge pairs that agree at 64x64, or nearly so, by their thumbnails.

Tests in this order, each only for pairs that are still the same after the one before:

1. Block by block, and by colours (`imgurer_kernel.matching.local_agreement`), also for pairs that
   agree less than copies do as a whole, as those with a sticker on them.
2. Seams, where one shows much beyond the other (`imgurer_kernel.matching.seams`): collages. Where
   each shows much beyond the other, only collages are related.
3. Motion, where blocks make it likely: what is elsewhere before a static camera
   (`imgurer_kernel.matching.moved_content`), and what moved by a fraction of a pixel
   (`imgurer_kernel.matching.local_motion`).
4. Screens and documents of one layout (`imgurer_kernel.matching.same_layout`), where the poorer
   picture is large enough for writing to be seen.
5. Capture times: pictures taken at two times are two takes, however alike they are.

Where writing cannot be compared in thumbnails, or a little of it differs, a judgement asks for the
two originals (`imgurer_kernel.matching.original_judgement`). Without thumbnails in colour only the
fourth test is made.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.matching.border_depths import are_borders
from imgurer_kernel.matching.drawings import captioned_across
from imgurer_kernel.matching.relation import (
    DETAILS,
    LARGE,
    LARGE_PART,
    LIKELY,
    Relation,
    decide,
    details,
)
from imgurer_kernel.matching.same_layout import DIFFERENT
from imgurer_kernel.matching.shared_content import areas, widened
from imgurer_kernel.matching.shared_content import lie_apart as lie_apart_within
from imgurer_kernel.matching.takes import (
    have_moved,
    may_have_moved,
    may_show_motion,
    show_motion,
)
from imgurer_kernel.matching.verify import lie_apart

if TYPE_CHECKING:
    from imgurer_kernel.matching.image_cache import ImageCache

RELATION = 0
"""Columns of a judgement: the relation, as far as it is known without the originals."""
ORIGINALS = 1 + DETAILS
"""Whether the originals are asked for, and what became of them; after the details."""
IF_SAME = 2 + DETAILS
"""The relation if the originals agree; those that do not are of the same layout."""
WIDENED = 3 + DETAILS
"""1 where the pictures were compared within wider boxes than their contents."""
LIKENESS = 4 + DETAILS
"""How much alike the thumbnails are, to compare the most similar originals of many."""
JUDGEMENT_WIDTH = 5 + DETAILS
"""Numbers of one judgement."""

NOT_ASKED, IN_DOUBT, UNSURE, COMPARED, UNREADABLE = range(5)
"""Values of `ORIGINALS`. Those in doubt are the same unless the originals differ, those that are
unsure only if the originals agree."""

# Pixels of the poorer picture from which writing can be seen at all; icons of 32 to 64 pixels.
_READABLE = 80
# Gray levels of contrast below which noise counts as writing, if few blocks have any texture: 26
# and night photographs with a deviation of 2.2; dim screens have 9.
_DARK, _DARK_BLOCKS = 6.0, 20

# Strips that disagree hold another picture where what is between them agrees as copies do.
_SPLIT_AGREE, _SPLIT_BAD, _SPLIT_Q25 = 60, 0.1, 0.8
# Of viewers and captions one side lacks nothing: lack is 0.01 at most, of collages 0.03 and more.
_SPLIT_LACK = 0.03
# A cell of a collage of nine has 49 blocks.
_CELL_AGREE = 30

# Least growth in area of a wider box that is compared again.
_GROWN = 1.15

_PHOTO_AGREE, _PHOTO_PLAIN, _PHOTO_BAD = 110, 0.33, 0.02

# Originals are compared where a page may have other writing: on a plain ground with something all
# over it. Forms and screens have 130 to 196 such blocks, products on white 60 to 100.
_PAGE_PLAIN, PAGE_AGREE, _PAGE_TEXTURE = 0.4, 40, 110
_PAINTED, _PAINTED_TEXTURE = 40.0, 120  # levels from gray, root mean square; blocks
_PAINTED_CONTRAST = 30.0  # levels; of flags and screens in one colour 80, of chessboards 38
ORIGINAL_SIDE = 1024


def judge(
    images: "ImageCache",
    first: Int64s,
    second: Int64s,
    maps: Float64s,
    measures: Float32s,
    negative: BoolMask | None = None,
) -> Float64s:
    """Judge pairs of aligned pictures.

    Parameters
    ----------
    images
        The pictures at the positions `first` and `second`, int64 (n,).
    maps, measures
        float64 (n, 6), float32 (n, 3): the maps of pairs, and how they agree there.
    negative
        bool (n,): where the first picture is inverted; None for nowhere.

    Returns
    -------
    float64 (n, `JUDGEMENT_WIDTH`).
    """
    judged = np.zeros((len(first), JUDGEMENT_WIDTH))
    status = np.where(measures[:, 1] >= AGREEMENT, Relation.SAME, Relation.DIFFERENT)
    page, part = np.ones(len(first), np.bool_), np.zeros(len(first), np.bool_)
    rows = np.flatnonzero(measures[:, 1] >= LIKELY) if images.in_colour else np.arange(0)
    features = np.zeros((len(first), local.FEATURES))
    content = np.zeros((len(first), 2, 4), np.int64)
    if len(rows):
        content[rows] = images.contents(first[rows], second[rows])
        within = content[rows]
        apart = lie_apart(measures[rows, 2], maps[rows], within[:, 0], within[:, 1])
        arguments = maps[rows], measures[rows], within, apart
        results = _judge_thumbnails(images, first[rows], second[rows], *arguments)
        # Parts trimmed off one picture only are compared, too, where they may decide.
        wide = widened(within, maps[rows])
        doubtful = np.flatnonzero(results.in_doubt(wide, within))
        if len(doubtful):
            retried = rows[doubtful]
            content[retried] = wide[doubtful]
            apart = lie_apart_within(content[retried], maps[retried])
            arguments = maps[retried], measures[retried], content[retried], apart
            results.replace(
                doubtful, _judge_thumbnails(images, first[retried], second[retried], *arguments)
            )
            judged[retried, WIDENED] = 1
        features[rows], status[rows] = results.features, results.status
        seen, collages = results.features, results.collages
        # Treated as the same by the other tests; their share is judged last.
        large = (status[rows] == Relation.PART_OF) & (seen[:, local.SHARE] >= LARGE_PART)
        part[rows[large & ~collages]] = True
        status[part] = Relation.SAME
        status[rows[collages]] = Relation.PART_OF
        judged[rows, 1 : 1 + DETAILS] = details(seen)
        page[rows] = _readable(seen) & ~captioned_across(seen) & ~_are_painted(seen)
        _reject_moved(images, first, second, maps, content, features, status)
    asked_pairs = np.flatnonzero((status == Relation.SAME) & page & ~_are_photos(features))
    inverted = None if negative is None else negative[asked_pairs]
    lacking = np.zeros(len(first))
    lacking[asked_pairs] = images.unmatched_writing(
        first[asked_pairs], second[asked_pairs], maps[asked_pairs], inverted
    )
    status[lacking >= DIFFERENT] = Relation.SAME_LAYOUT
    same = np.flatnonzero(status == Relation.SAME)
    status[same[images.taken_apart(first[same], second[same])]] = Relation.ANOTHER_TAKE
    judged[:, RELATION] = judged[:, IF_SAME] = status
    _ask_for_originals(images, first, second, features, lacking, judged)
    same = np.flatnonzero(judged[:, IF_SAME] == Relation.SAME)
    depths = images.border_depths(first[same]), images.border_depths(second[same])
    judged[same, DETAILS] = are_borders(*depths, maps[same])
    part &= judged[:, IF_SAME] == Relation.SAME
    for column in RELATION, IF_SAME:
        judged[part & (judged[:, column] == Relation.SAME), column] = Relation.PART_OF
    judged[part, 1] += LARGE
    return judged


@dataclass(frozen=True, slots=True, eq=False)
class _ThumbnailResults:
    """Results from thumbnails of pairs: features, relations so far, and which are collages."""

    features: Float64s
    status: UInt8s
    collages: BoolMask
    apart: BoolMask

    def in_doubt(self, wide: Int64s, content: Int64s) -> BoolMask:
        """Mark the pairs that wider boxes may decide otherwise, bool (n,)."""
        grown = (areas(wide) > _GROWN * areas(content)).any(axis=1)
        page = (self.status == Relation.SAME) & (self.features[:, local.PLAIN] >= _PAGE_PLAIN)
        part = (self.status == Relation.PART_OF) | self.collages
        doubt: BoolMask = grown & (page | part | self.apart)
        return doubt

    def replace(self, rows: Int64s, other: "_ThumbnailResults") -> None:
        """Overwrite the results of some pairs."""
        for name in ("features", "status", "collages", "apart"):
            getattr(self, name)[rows] = getattr(other, name)


def _judge_thumbnails(
    images: "ImageCache",
    first: Int64s,
    second: Int64s,
    maps: Float64s,
    measures: Float32s,
    content: Int64s,
    apart: BoolMask,
) -> _ThumbnailResults:
    """Judge thumbnails within boxes; pairs that are `apart` have too little in common."""
    seen = images.agreement(first, second, maps, content)
    decided = decide(measures, seen)
    collages = _are_collages(images, first, second, maps, content, seen, decided, apart)
    decided[apart] = Relation.DIFFERENT
    return _ThumbnailResults(seen, decided, collages, apart)


def _are_collages(
    images: "ImageCache",
    first: Int64s,
    second: Int64s,
    maps: Float64s,
    content: Int64s,
    features: Float64s,
    status: UInt8s,
    apart: BoolMask,
) -> BoolMask:
    """Mark pairs of a picture and a collage with it, or of two collages, bool (n,)."""
    inner = features[:, local.INNER_AGREE]
    split = (features[:, local.CUT] > 0) & (features[:, local.PLAIN] < _PAGE_PLAIN)
    split &= (features[:, local.INNER_BAD] <= _SPLIT_BAD) & (
        features[:, local.INNER_Q25] >= _SPLIT_Q25
    )
    split &= inner >= np.where(apart, _CELL_AGREE, _SPLIT_AGREE)
    same = status == Relation.SAME
    parts = same | (apart & (status == Relation.PART_OF))
    unlike = apart | ((status == Relation.DIFFERENT) & (features[:, local.LACK] >= _SPLIT_LACK))
    undecided = np.flatnonzero(parts | (split & unlike))
    cuts = features[undecided, local.CUT_LEFT : local.CUT_BOTTOM + 1] * split[undecided, None]
    collages = np.zeros(len(first), np.bool_)
    collages[undecided] = images.have_seams(
        first[undecided], second[undecided], maps[undecided], content[undecided], cuts
    )
    return collages


def _reject_moved(
    images: "ImageCache",
    first: Int64s,
    second: Int64s,
    maps: Float64s,
    content: Int64s,
    features: Float64s,
    status: UInt8s,
) -> None:
    """Mark pairs in which something moved, far or a little, as other takes."""
    may_move = np.flatnonzero((status == Relation.SAME) & may_have_moved(features, maps))
    moved = images.moved_content(
        first[may_move], second[may_move], maps[may_move], content[may_move]
    )
    status[may_move[have_moved(features[may_move], moved)]] = Relation.ANOTHER_TAKE
    may_show = np.flatnonzero((status == Relation.SAME) & may_show_motion(features, maps))
    motions = images.local_motion(
        first[may_show], second[may_show], maps[may_show], content[may_show]
    )
    status[may_show[show_motion(motions)]] = Relation.ANOTHER_TAKE


def _readable(features: Float64s) -> BoolMask:
    """Mark pairs in which writing, if there is any, would be legible in both thumbnails."""
    dark = (features[:, local.CONTRAST] < _DARK) & (features[:, local.TEXTURE] < _DARK_BLOCKS)
    readable: BoolMask = (features[:, local.SIDE] >= _READABLE) & ~dark
    return readable


def _are_painted(features: Float64s) -> BoolMask:
    """Mark photographs of a door or a wall in one strong colour, whose traces are no writing.

    Paper has at most a tint, and what is written on a screen in colours stands out.
    """
    colour = np.minimum(features[:, local.COLOURED], features[:, local.OTHER_COLOURED])
    faint = features[:, local.CONTRAST] <= _PAINTED_CONTRAST
    all_over = features[:, local.TEXTURE] >= _PAINTED_TEXTURE
    marked: BoolMask = (colour >= _PAINTED) & faint & all_over
    return marked


def _are_photos(features: Float64s) -> BoolMask:
    """Mark photographs of which all blocks agree.

    They have no other writing, as in a viewer with its buttons.
    """
    photo = (features[:, local.AGREE] >= _PHOTO_AGREE) & (features[:, local.PLAIN] < _PHOTO_PLAIN)
    marked: BoolMask = photo & (features[:, local.BAD] <= _PHOTO_BAD)
    return marked


def _agree_beside(features: Float64s) -> BoolMask:
    """Mark pairs whose blocks agree, many of them, except in regions that may be covered."""
    agree: BoolMask = (features[:, local.REST_BAD] <= _PHOTO_BAD) & (features[:, local.BIG] <= 0.2)
    agree &= (features[:, local.REST_Q25] >= 0.88) & (features[:, local.AGREE] >= _SPLIT_AGREE)
    return agree


def _may_have_other_writing(status: Float64s, features: Float64s, lacking: Float64s) -> BoolMask:
    """Mark pairs of pages that are the same in thumbnails, but perhaps not in originals.

    `lacking` is the share of writing without a match in thumbnails, however little it is.
    """
    doubt = (status == Relation.SAME) & (features[:, local.PLAIN] >= _PAGE_PLAIN)
    doubt &= (features[:, local.AGREE] >= PAGE_AGREE) & _readable(features)
    all_over = features[:, local.TEXTURE] >= _PAGE_TEXTURE
    doubt &= (all_over | (lacking > 0)) & ~captioned_across(features)
    marked: BoolMask = doubt & ~_are_painted(features)
    return marked


def _ask_for_originals(
    images: "ImageCache",
    first: Int64s,
    second: Int64s,
    features: Float64s,
    lacking: Float64s,
    judged: Float64s,
) -> None:
    """Mark pages that are in doubt, or unsure, and how much alike they are."""
    doubt = _may_have_other_writing(judged[:, RELATION], features, lacking)
    # Where all blocks agree, the grays of 256 pixels may be badly aligned.
    unsure = np.flatnonzero((lacking >= DIFFERENT) & _agree_beside(features))
    judged[doubt, ORIGINALS], judged[unsure, ORIGINALS] = IN_DOUBT, UNSURE
    apart = images.taken_apart(first[unsure], second[unsure])
    judged[unsure, IF_SAME] = np.where(apart, Relation.ANOTHER_TAKE, Relation.SAME)
    judged[:, LIKENESS] = features[:, local.REST_Q25] - features[:, local.BAD] - lacking


def statuses(judged: Float64s) -> tuple[UInt8s, UInt8s]:
    """Split judgements into the relation, uint8 (n,), and its details, uint8 (n, 4)."""
    whole = judged[:, : 1 + DETAILS].astype(np.uint8)
    return whole[:, RELATION], whole[:, 1:]
