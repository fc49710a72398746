"""Two copies with edits of everyday are one picture, also where neither is the original."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.matching.relation import Relation
from imgurer_kernel.report.evaluation.transforms import variant
from tests.matching.test_judgement import photo, related
from tests.support.forms import rounds

EDITS = "border2", "brighter", "caption", "logo", "sepia", "watermark"


def edited(seed, name):
    return variant(photo(seed).resize((480, 360)), name, key=str(seed), seed=1)


@pytest.mark.parametrize(
    ("seed", "one", "other"),
    [
        *((0, "logo", "watermark"), (5, "watermark", "caption"), (9, "border2", "watermark")),
        *(
            (10, "brighter", "watermark"),
            (14, "watermark", "caption"),
            (28, "border2", "watermark"),
        ),
        *((18, "logo", "watermark"), (23, "brighter", "watermark")),
    ],
)
def test_what_two_copies_have_of_their_own_is_no_motion(seed, one, other):
    """Each lacks what the other has, as two moments of a scene do."""
    assert related(edited(seed, one), edited(seed, other))[0] is Relation.SAME


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60, 60 + rounds(2, 20)))
def test_any_two_edits_leave_one_picture(seed):
    copies = {name: edited(seed, name) for name in EDITS}
    others = {
        (one, other): relation
        for one, other in combinations(EDITS, 2)
        if (relation := related(copies[one], copies[other])[0]) is not Relation.SAME
    }
    assert len(others) <= 1, others


def painted_wall(seed):
    """A red wall with faint traces all over, and a handle."""
    traces = np.asarray(photo(seed).convert("L"), float)
    level = (traces - np.median(traces)) * 0.2
    level[200:260, 500:530] += 90
    colour = np.array([158, 34, 44]) + level[..., None]
    return Image.fromarray(colour.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("seed", [1, 5])
def test_a_painted_wall_is_no_page(seed, tmp_path):
    """Its traces are no writing, of which a JPEG would lack some."""
    painted_wall(seed).save(tmp_path / "wall.png")
    painted_wall(seed).save(tmp_path / "copy.jpg", quality=15)
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as workbench:
        found = workbench.ingest([tmp_path / "wall.png", tmp_path / "copy.jpg"], progress=False)
        assert workbench.evidence(*found.image_id).label == "re-encoded"
