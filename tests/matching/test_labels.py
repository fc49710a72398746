import hashlib
import io

import pytest
from PIL import Image

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.report.evaluation.transforms import variant
from imgurer_kernel.workbench.pictures.query import Query
from imgurer_kernel.workbench.search.evidence import evidence_of
from tests.support.copies import picture
from tests.support.forms import rounds

# What each transform is called where the picture shows it, of many names the most telling.
LABELS = {
    "jpeg70": "re-encoded",
    "jpeg30": "re-encoded",
    "jpeg10": "re-encoded",
    "webp80": "re-encoded",
    "noise10": "re-encoded",
    "resize50": "resized",
    "resize200": "resized",
    "stretch": "resized",
    "screenshot": "resized",
    "brighter": "edited",
    "darker": "edited",
    "contrast_down": "edited",
    "sepia": "edited",
    "saturate": "edited",
    "sharpen": "edited",
    "blur1": "edited",
    "blur4": "edited",
    "caption": "edited",
    "watermark": "edited",
    "logo": "edited",
    "crop1": "cropped",
    "crop2": "cropped",
    "crop5": "cropped",
    "border2": "bordered",
    "border5": "bordered",
    "letterbox": "bordered",
    "meme": "bordered",
    "rotate1": "rotated",
    "rotate3": "rotated",
    "rotate90": "rotated",
    "rotate180": "rotated",
    "flip_sideways": "flipped",
    "transpose": "flipped",
}


def query(image, quality=92):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Query(hashlib.sha256(file.getvalue()).hexdigest(), fingerprint(file.getvalue()))


@pytest.mark.parametrize("name", LABELS)
def test_copies_are_called_by_what_was_done(name):
    labels = []
    for seed in range(rounds(1, 5)):
        found = evidence_of(
            query(picture(seed)), query(variant(picture(seed), name, key="a", seed=seed))
        )
        labels.append(found.label)
        assert found.duplicate
    assert labels.count(LABELS[name]) >= rounds(1, 4), labels


def test_the_same_bytes_are_exact():
    found = evidence_of(query(picture(0)), query(picture(0)))
    assert found.label == "exact"
    assert found.distance == 0


def test_strangers_are_different():
    found = evidence_of(query(picture(0)), query(picture(1)))
    assert found.label == "different"
    assert not found.duplicate


def test_flat_pictures_are_different_unless_their_bytes_are_the_same():
    white, grey = (query(Image.new("RGB", (90, 60), colour)) for colour in ("white", "#888888"))
    assert evidence_of(white, grey).label == "different"
    assert evidence_of(white, white).label == "exact"


def test_evidence_says_how_the_first_lies_on_the_second():
    whole = picture(4)
    part = whole.crop((0, 0, whole.width * 9 // 10, whole.height))
    found = evidence_of(query(whole), query(part))
    assert found.label == "cropped"
    assert found.transform == pytest.approx((1 / 0.9, 0, 1 / 0.9 - 1, 0, 1, 0), abs=0.02)
    back = evidence_of(query(part), query(whole))
    assert back.label == "cropped"
    assert back.transform == pytest.approx((0.9, 0, -0.1, 0, 1, 0), abs=0.02)
