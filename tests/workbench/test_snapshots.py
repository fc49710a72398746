"""What a query reads: the number of transactions, the snapshot, and forgotten pictures."""

import io
import itertools
import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import BlobMissing, UnknownImage
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.report.evaluation.transforms import TRANSFORMS
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.workbench.clusters import search as cluster_search_module
from imgurer_kernel.workbench.pictures import query as query_module
from imgurer_kernel.workbench.pictures.live_index import LiveIndex
from imgurer_kernel.workbench.search import calibrate
from imgurer_kernel.workbench.search import service as search_module
from imgurer_kernel.workbench.search import similar as similar_module
from tests.support.forms import long_only, pairs, rounds
from tests.support.pictures import jpeg
from tests.support.processes import python
from tests.support.transactions import Transactions
from tests.workbench.test_workbench import recode


def page(seed):
    """A white page with lines like writing: such pairs are compared by their thumbnails, too."""
    image = Image.new("RGB", (480, 640), "white")
    draw, random = ImageDraw.Draw(image), np.random.default_rng(seed)
    for y in range(60, 600, 40):
        x = 50
        while x < 400:
            width = int(random.integers(10, 60))
            draw.rectangle((x, y, x + width, y + int(random.integers(8, 24))), fill="black")
            x += width + 12
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


FIRST, THIRD = 1, 2
"""A query and another picture like it, of the same cluster."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Three copies of a page (1..3), two of a scene (4, 5), a stranger, two equal flat ones."""
    root = tmp_path_factory.mktemp("filled") / "store"
    with Workbench(Settings(root=root)) as wb:
        for name, data in {
            "page": page(0),
            "page again": recode(page(0), 70),
            "page small": recode(page(0), 80, 0.7),
            "scene": jpeg(0),
            "scene again": recode(jpeg(0)),
            "stranger": jpeg(1),
        }.items():
            assert wb.upload(name, data)["status"].tolist() == ["added"]
        for name in ("flat.png", "flat.bmp"):
            file = io.BytesIO()
            Image.new("RGB", (64, 48), "teal").save(file, name.rpartition(".")[2])
            wb.upload(name, file.getvalue())
    return root


@pytest.fixture(scope="module")
def answers(filled, tmp_path_factory):
    """The answers to all queries of `ASKED` while every picture exists."""
    root = tmp_path_factory.mktemp("answers") / "store"
    shutil.copytree(filled, root)
    with Workbench(Settings(root=root)) as wb:
        return {name: ask(wb) for name, ask in ASKED.items()}


@pytest.fixture
def root(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def wb(root):
    with Workbench(Settings(root=root)) as wb:
        yield wb


@pytest.fixture
def transactions(monkeypatch):
    return Transactions().watch(monkeypatch)


def clusters(wb, **options):
    return wb.clusters(progress=False, **options)


# How many -----------------------------------------------------------------------------------

QUERIES = {
    "upload": (lambda wb: wb.upload("new.jpg", jpeg(5)), 2),
    "similar, id": (lambda wb: wb.similar(FIRST), 3, 2),
    "similar, numpy id": (lambda wb: wb.similar(np.int64(FIRST)), 3, 2),
    "similar, bytes": (lambda wb: wb.similar(page(0)), 3, 2),
    "similar, PIL": (lambda wb: wb.similar(Image.open(io.BytesIO(jpeg(0)))), 3, 2),
    "similar, stranger": (lambda wb: wb.similar(jpeg(9)), 3, 2),
    "similar, flat": (lambda wb: wb.similar(7), 2),
    "similar, plain": (lambda wb: wb.similar(FIRST, verify=False), 2),
    "similar, radius": (lambda wb: wb.similar(FIRST, radius=128), 4, 3),
    "evidence, ids": (lambda wb: wb.evidence(FIRST, THIRD), 1),
    "evidence, bytes": (lambda wb: wb.evidence(page(0), jpeg(0)), 1),
    "explain": (lambda wb: wb.explain(FIRST, page(0)), 1),
    "clusters, plain": (lambda wb: clusters(wb, verify=False), 2),
    "browse": (lambda wb: wb.browse(4, seed=1), 1),
    "thumbnails": (lambda wb: wb.thumbnails(list(range(1, 9))), 1),
    "original": (lambda wb: wb.original(FIRST).close(), 1),
    "images": (lambda wb: wb.images([1, 2, 3]), 1),
    "holdings": (lambda wb: wb.holdings(user="local"), 1),
    "statistics": (lambda wb: wb.statistics(), 1),
    "index_info": (lambda wb: wb.index_info(), 1),
    "rebuild_index": (lambda wb: wb.rebuild_index(), 1),
}


ALIKE = "similar, numpy id", "similar, PIL", "similar, stranger"
"""Queries that take what others take."""


@pytest.mark.parametrize("name", [*(it for it in QUERIES if it not in ALIKE), *long_only(*ALIKE)])
def test_a_query_takes_few_transactions(wb, transactions, name):
    """One for a snapshot of all that the question depends on, one for what was found.

    A search with a look at pictures has one more for what is like those that were found, and one
    when it is first made, for the windows of all.
    """
    work, expected, *later = QUERIES[name]
    assert transactions.of(lambda: work(wb)) == expected
    if name != "upload":
        assert transactions.of(lambda: work(wb)) == (later or [expected])[0], "the second time"


def test_a_search_by_path_takes_no_more(wb, transactions, tmp_path):
    (tmp_path / "query.jpg").write_bytes(page(0))
    assert transactions.of(lambda: wb.similar(tmp_path / "query.jpg")) == 3


@pytest.mark.long
def test_clusters_take_one_for_the_snapshot_and_read_pictures_in_parts(wb, transactions):
    """Then: grays, pictures, what spots and labels take, and the facts.

    Each batch of pairs in doubt takes digests of thumbnails and originals, and times of taking.
    """
    assert transactions.of(lambda: clusters(wb)) <= 15
    assert transactions.of(lambda: clusters(wb)) == 1
    wb.accounts.create("ann", "a long password")
    wb.upload("mine.jpg", page(0), "ann")
    assert transactions.of(lambda: clusters(wb)) == 1, "holdings have changed, pictures have not"
    wb.similar(FIRST)
    assert transactions.of(lambda: clusters(wb)) == 2, "the index is at a later generation"
    assert transactions.of(lambda: clusters(wb)) == 1


@pytest.mark.long
def test_nothing_is_computed_in_a_transaction(wb, transactions, monkeypatch, tmp_path):
    """Nor are files read: others wait while it is open."""
    called = set()

    def outside(owner, name):
        real = getattr(owner, name)

        def checked(*args, **kwargs):
            assert not transactions.is_open, name
            called.add(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, checked)

    outside(query_module, "query_of")
    outside(BlobStore, "thumbnail")
    outside(LiveIndex, "apply")
    outside(similar_module, "verify_candidates")
    outside(search_module, "evidence_of")
    outside(pipeline, "find_clusters")
    outside(cluster_search_module, "cluster_by_hash")
    outside(search_module, "search_by_hash")
    wb.similar(FIRST)
    wb.similar(page(0))
    wb.similar(FIRST, verify=False)
    wb.evidence(FIRST, page(0))
    wb.explain(FIRST, 4)
    clusters(wb)
    clusters(wb)
    clusters(wb, verify=False)
    wb.thumbnails([1, 2])
    assert len(called) == 8


# Pictures that somebody forgets meanwhile -----------------------------------------------------


ASKED = {
    "similar": lambda wb: wb.similar(FIRST),
    "similar, bytes": lambda wb: wb.similar(page(0)),
    "similar, plain": lambda wb: wb.similar(FIRST, verify=False),
    "clusters": clusters,
    "clusters, known": lambda wb: (clusters(wb), clusters(wb))[1],
    "clusters, plain": lambda wb: clusters(wb, verify=False),
}


@pytest.mark.parametrize(
    "name",
    [
        *("similar", "similar, plain", "clusters", "clusters, plain"),
        *long_only("similar, bytes", "clusters, known"),
    ],
)
def test_a_picture_that_is_forgotten_between_two_transactions_is_left_out(
    filled, answers, tmp_path, transactions, name
):
    """Whichever two they are; in the short form every sixth two, others for each question."""
    assert THIRD in set(answers[name]["image_id"])
    first = 1
    if name == "clusters, known":  # another question than "clusters" from its second part on
        shutil.copytree(filled, tmp_path / "0")
        with Workbench(Settings(root=tmp_path / "0")) as wb:
            first = transactions.of(partial(clusters, wb))
    step = rounds(6, 1)
    for when in itertools.count(first + [*ASKED].index(name) % step, step):
        root = tmp_path / str(when)
        shutil.copytree(filled, root)
        with Workbench(Settings(root=root)) as wb:
            transactions.count = 0
            transactions.after = lambda count, root=root, when=when: (
                count == when and forget(root, transactions)
            )
            found = ASKED[name](wb)
            transactions.after = lambda count: None
            reached = transactions.count >= when
            check(wb, name, answers[name], found)
        shutil.rmtree(root)
        if not reached:
            break
    assert when >= first + 2


@pytest.mark.parametrize(
    ("name", "when"), pairs(["similar", "similar, bytes", "clusters"], range(1, 5))
)
def test_a_picture_that_is_forgotten_before_its_thumbnail_is_read_is_left_out(
    root, wb, answers, transactions, monkeypatch, name, when
):
    before = answers[name]
    real, calls = BlobStore.thumbnail, []

    def thumbnail(blobs, digest):
        calls.append(digest)
        if len(calls) == when:
            forget(root, transactions)
        return real(blobs, digest)

    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "thumbnail", thumbnail)
        found = ASKED[name](wb)
    check(wb, name, before, found)


def forget(root, transactions):
    """Forget a picture as another process does."""
    transactions.after = lambda count: None
    with Workbench(Settings(root=root)) as other:
        other.forget(THIRD)


def check(wb, name, before, found):
    """Check that the answer is that of before or after, and the next one that of after."""
    assert list(found.columns) == list(before.columns)
    after = ASKED[name](wb)
    if THIRD in set(wb.images()["image_id"]):
        assert found.equals(before)
        return
    assert THIRD not in set(after["image_id"])
    assert found.equals(before) or found.equals(after)
    assert (
        not found.drop(columns=["score", "path", "link_of"], errors="ignore").isna().any(axis=None)
    )


def test_a_picture_of_which_only_the_thumbnail_is_gone_is_an_error_still(wb):
    """The image was not forgotten: `check` has to draw the thumbnail again."""
    lose_thumbnail(wb, THIRD)
    for work in (lambda: wb.similar(FIRST), lambda: clusters(wb)):
        with pytest.raises(Exception, match="imgurer check --repair"):
            work()


def lose_thumbnail(wb, image_id):
    digest = wb.images([image_id])["digest"][0]
    (wb.blobs.root / "thumbs" / digest[:2] / digest[2:4] / digest).unlink()
    return digest


def test_a_query_whose_own_thumbnail_is_gone_is_drawn_again(wb):
    before = wb.similar(FIRST), wb.evidence(FIRST, 4)
    digest = lose_thumbnail(wb, FIRST)
    assert wb.similar(FIRST).equals(before[0])
    assert wb.evidence(FIRST, 4) == before[1]
    wb.blobs.path(digest).unlink()
    with pytest.raises(BlobMissing, match="imgurer check --repair"):
        wb.similar(FIRST)


def test_a_query_that_is_forgotten_before_its_thumbnail_is_read_is_unknown(root, wb, transactions):
    transactions.after = lambda count: forget(root, transactions)
    with pytest.raises(UnknownImage, match="forgotten meanwhile"):
        wb.similar(THIRD)


def test_the_query_itself_must_be_there(root, wb):
    with Workbench(Settings(root=root)) as other:
        other.forget(THIRD)
    for work in (lambda: wb.similar(THIRD), lambda: wb.evidence(FIRST, THIRD)):
        with pytest.raises(UnknownImage, match=f"no image {THIRD}"):
            work()


def test_calibration_goes_on_without_a_picture_that_is_forgotten(
    root, wb, transactions, monkeypatch
):
    """Between the look at the index and the reading of the pictures that were chosen."""
    monkeypatch.setattr(calibrate, "TRANSFORMS", TRANSFORMS[::8])
    transactions.after = lambda count: count == 2 and forget(root, transactions)
    assert wb.calibrate(sample=2, progress=False).sample == 2
    assert THIRD not in set(wb.images()["image_id"])


FORGETTER = """
import sys
from imgurer_kernel import Settings, Workbench
with Workbench(Settings(root=sys.argv[1])) as wb:
    print("ready", flush=True)
    for _ in range(int(sys.argv[3])):
        row = wb.upload("come and go.jpg", open(sys.argv[2], "rb")).iloc[0]
        wb.forget(int(row["image_id"]))
"""


@pytest.mark.long
def test_searches_beside_a_process_that_brings_and_forgets(root, wb, tmp_path):
    """Whatever happens to a third picture, each answer is that of before or after."""
    (tmp_path / "again.jpg").write_bytes(recode(page(0), 60))
    stays = set(wb.similar(FIRST)["image_id"])
    process = python("-c", FORGETTER, root, tmp_path / "again.jpg", rounds(2, 50))
    assert process.stdout.readline() == "ready\n"
    number = 0
    while process.poll() is None or not number:
        for found in (wb.similar(FIRST), clusters(wb)):
            assert stays <= set(found["image_id"])
            # Uploads have no path, and what is near has no score.
            facts = found.drop(columns=["score", "path", "link_of"], errors="ignore")
            assert not facts.isna().any(axis=None)
        number += 1
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
