"""Clusters, searches, evidence and explanations agree about each pair of pictures."""

import io
import itertools
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.matching.relation import NO_DUPLICATE
from tests.support.forms import rounds
from tests.support.pictures import scene

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def file(image):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return data.getvalue()


def copies(seed):
    """A picture and what people make of it; the last ones merely have it as a part."""
    image = Image.fromarray(scene(seed, 360, 270))
    width, height = image.size
    yield "whole", image
    yield "smaller", image.resize((width // 2, height // 2))
    yield "side cut", image.crop((0, 0, round(0.7 * width), height))
    yield "corner", image.crop((width // 4, height // 5, width, height))
    written = image.copy()
    font = ImageFont.load_default(size=36)
    ImageDraw.Draw(written).text((10, 10), "ONE OF MANY", "white", font, stroke_width=3)
    yield "written on", written
    yield "negative", ImageOps.invert(image)
    yield "turned", image.rotate(6, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    yield "mirrored", ImageOps.mirror(image.crop((20, 20, width - 20, height - 10)))
    # Just enough of the screen for a copy; of the smaller ones it shows too little.
    screen = Image.new("RGB", (width, round(height / 0.47)), "white")
    screen.paste(image, (0, 90))
    for y in range(100 + height, screen.height - 10, 20):
        ImageDraw.Draw(screen).rectangle((15, y, 150 + 37 * y % 180, y + 8), fill="gray")
    ImageDraw.Draw(screen).rectangle((0, 0, width, 40), fill="gray")
    yield "feed", screen
    other = Image.fromarray(scene(seed + 40, 360, 270))
    sheet = Image.new("RGB", (height * 2, height))
    sheet.paste(ImageOps.fit(image, (height, height)), (0, 0))
    sheet.paste(ImageOps.fit(other, (height, height)), (height, 0))
    yield "collage", sheet


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as workbench:
        for name, image in copies(3):
            workbench.upload(name, file(image))
        workbench.upload("stranger.jpg", file(Image.fromarray(scene(90, 360, 270))))
        yield workbench


def told_by_clusters(wb):
    """Labels of pairs of a medoid and a member, and which images share a cluster, by ids."""
    clusters = wb.clusters(progress=False).drop_duplicates("image_id")
    medoids = clusters[clusters["is_medoid"].astype(bool)].set_index("cluster_id")["image_id"]
    labels, together = {}, set()
    for number, members in clusters.groupby("cluster_id"):
        medoid = int(medoids[number])
        for member, label in zip(members["image_id"], members["label"], strict=True):
            if member != medoid:
                labels[medoid, int(member)] = label
        together |= set(itertools.permutations(members["image_id"].tolist(), 2))
    return labels, together


def told_by_searches(wb, image_ids):
    """Verdicts of pairs, by ids."""
    answers = {asked: wb.similar(asked) for asked in image_ids}
    return {
        (asked, int(found)): verdict
        for asked, answer in answers.items()
        for found, verdict in zip(answer["image_id"], answer["verdict"], strict=True)
        if found != asked
    }


def disagreements(wb, image_ids):
    """Describe how two methods disagree, in words; these and all medoids are searched for."""
    labels, together = told_by_clusters(wb)
    found = told_by_searches(wb, sorted({*image_ids, *(medoid for medoid, _ in labels)}))
    for pair, label in labels.items():
        if found.get(pair) != label:
            yield f"{pair}: clusters say {label}, similar {found.get(pair)}"
    for pair, verdict in found.items():
        if verdict not in NO_DUPLICATE and pair not in together:
            yield f"{pair}: similar says {verdict}, and they share no cluster"
    for pair, label in labels.items():
        evidence = wb.evidence(*pair)
        if evidence.label != label:
            yield f"{pair}: clusters say {label}, evidence {evidence.label}"
    related = wb.related()
    for one, other, relation in zip(
        related["image_id"], related["other_id"], related["relation"], strict=True
    ):
        if (one, other) in together:
            yield f"{one, other}: related says {relation}, and they share a cluster"
        evidence = wb.evidence(one, other)
        if evidence.label != relation:
            yield f"{one, other}: related says {relation}, evidence {evidence.label}"


def test_whatever_is_asked_the_answer_is_the_same(wb):
    files = wb.files()
    assert list(disagreements(wb, files["image_id"].tolist()[:: rounds(3, 1)])) == []
    labels, together = told_by_clusters(wb)
    names = dict(zip(files["image_id"].tolist(), files["filename"], strict=True))
    # All copies were found, collages are none, and nobody else is.
    mates = {other for one, other in together if names[one] == "whole"}
    assert {names[other] for other in mates} == {name for name, _ in copies(3)} - {
        "whole",
        "collage",
    }
    for pair in list(labels)[:1]:
        explained = wb.explain(*pair)
        assert explained.evidence == wb.evidence(*pair)


@pytest.mark.long
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus beside the repository")
def test_whatever_is_asked_of_the_corpus_the_answer_is_the_same(tmp_path):
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as workbench:
        for part in ("near_duplicates", "orientation", "photos/kodak", "hard_negatives"):
            workbench.ingest(CORPUS / part, progress=False)
        clothing = sorted((CORPUS / "photos" / "clothing").rglob("*.jpg"))[:150]
        workbench.ingest(clothing, progress=False)
        ids = workbench.files()["image_id"].unique().tolist()
        assert list(disagreements(workbench, ids)) == []
