"""Cached clusters: computed once for all processes, and valid after any damage of their files."""

import json
import shutil
import signal
from hashlib import sha256
from itertools import permutations

import numpy as np
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.common import threads
from imgurer_kernel.errors import InvalidRadius
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.workbench.clusters import answers as cluster_answers
from imgurer_kernel.workbench.clusters.answers import ClusterAnswers
from imgurer_kernel.workbench.pictures.image_loader import ImageLoader
from tests.support.forms import pairs, rounds
from tests.support.pictures import jpeg
from tests.support.processes import python
from tests.workbench.test_workbench import recode


def fill(wb):
    """Images 1..6: three pictures, and a copy of each; the answer is known."""
    for seed in range(3):
        wb.upload(f"{seed}.jpg", jpeg(seed, 320, 240))
        wb.upload(f"{seed} again.jpg", recode(jpeg(seed, 320, 240)))
    wb.clusters(progress=False)


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def reads(monkeypatch):
    """The ids of the pictures that are read."""
    before, found = ImageLoader.verification, []

    def counted(self, image_ids):
        found.extend(image_ids.tolist())
        return before(self, image_ids)

    monkeypatch.setattr(ImageLoader, "verification", counted)
    return found


def ask(root, **options):
    """Return the answer that a new process gets."""
    with Workbench(Settings(root=root)) as wb:
        return wb.clusters(progress=False, **options)


def folder(wb):
    return wb.settings.root / "derived" / "clusters"


def versions(wb, part):
    return [path.name for path in (folder(wb) / "usual" / part).iterdir()]


@pytest.mark.long
def test_another_process_compares_nothing(wb, reads):
    first = ask(wb.settings.root)
    assert reads == []
    assert len(first) == 6
    assert first.equals(wb.clusters(progress=False))
    assert reads == []


@pytest.mark.long
def test_another_process_compares_what_is_new_only(wb, reads):
    wb.upload("1 small.jpg", recode(jpeg(1, 320, 240), 80, 0.6))
    grown = ask(wb.settings.root)
    assert set(reads) <= {3, 4, 7}
    assert 7 in grown["image_id"].tolist()
    reads.clear()
    assert wb.clusters(progress=False).equals(grown)  # which had the answer without the new one
    assert ask(wb.settings.root).equals(grown)
    assert reads == []


@pytest.mark.long
def test_one_new_picture_does_not_write_everything_again(wb):
    state, answer = versions(wb, "state"), versions(wb, "answer")
    wb.upload("1 small.jpg", recode(jpeg(1, 320, 240), 80, 0.6))
    wb.clusters(progress=False)
    assert versions(wb, "state") == state
    assert versions(wb, "answer") != answer


STEPS = (1, 64, 2), (2, 64, 0), (3, 1, 1), (4, 64, 0), (5, 1, 1)
"""The number of an upload, how many changes are few then, and how often the state is read."""


def test_the_state_on_disk_is_read_once_to_be_compared(wb, monkeypatch):
    before, loaded = ClusterAnswers._load_state, []
    monkeypatch.setattr(
        ClusterAnswers,
        "_load_state",
        lambda self, *args, **options: loaded.append(args) or before(self, *args, **options),
    )
    for number, few, reads in rounds(STEPS[:3], STEPS):
        monkeypatch.setattr(cluster_answers, "_FEW_CHANGES", few)
        loaded.clear()
        wb.upload(f"{number}.jpg", recode(jpeg(1, 320, 240), 80 - number, 0.6))
        found = wb.clusters(progress=False)
        assert len(loaded) == reads, number
        [written] = versions(wb, "state")
        assert wb._search.cluster_service._answers._written[None, False][0] == written
        assert ask(wb.settings.root).equals(found)


@pytest.mark.long
def test_much_that_is_new_is_written_once(wb, reads, monkeypatch):
    monkeypatch.setattr(cluster_answers, "_FEW_CHANGES", 1)
    state = versions(wb, "state")
    for name, quality in (("a", 70), ("b", 75)):
        wb.upload(f"{name}.jpg", recode(jpeg(1, 320, 240), quality, 0.6))
    grown = wb.clusters(progress=False)
    assert versions(wb, "state") != state
    reads.clear()
    shutil.rmtree(folder(wb) / "usual" / "answer")
    assert ask(wb.settings.root).equals(grown)
    assert reads == []


@pytest.mark.long
def test_deleting_it_costs_time_only(wb, reads):
    first = ask(wb.settings.root)
    shutil.rmtree(folder(wb).parent)
    assert ask(wb.settings.root).equals(first)
    assert set(reads) == {1, 2, 3, 4, 5, 6}
    reads.clear()
    assert ask(wb.settings.root).equals(first)
    assert reads == []


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "overwritten": lambda path: path.write_bytes(b"\x01" * path.stat().st_size),
    "gone": lambda path: path.unlink(),
}


DAMAGED = (
    *("answer/meta.json", "answer/labels.npy", "answer/clusters.members.npy"),
    *("state/meta.json", "state/images.hashes.npy", "state/labels.values.npy"),
)


@pytest.mark.parametrize(("file", "damage"), pairs(DAMAGED, DAMAGE))
def test_damaged_files_are_made_again(wb, damage, file):
    first, root = ask(wb.settings.root), wb.settings.root
    part, _, name = file.partition("/")
    [path] = (folder(wb) / "usual" / part).glob(f"*/{name}")
    if part == "state":  # an answer hides the state behind it
        shutil.rmtree(folder(wb) / "usual" / "answer")
    DAMAGE[damage](path)
    assert ask(root).equals(first)
    assert [len(versions(wb, part)) for part in ("answer", "state")] == [1, 1]
    # It is whole again, for the next one who needs it.
    assert cluster_answers.ClusterAnswers(root).state((None, False)) is not None


def rewrite(path, **changes):
    """Change facts of a description, so that its sum is right."""
    meta = json.loads(path.read_bytes())
    content = json.loads(meta["content"])
    content["facts"] |= changes
    text = json.dumps(content)
    path.write_text(json.dumps({"content": text, "sha256": sha256(text.encode()).hexdigest()}))


@pytest.mark.long
@pytest.mark.parametrize(
    "changes", [{"algorithm": "older"}, {"version": 0}, {"radius": 3}, {"thorough": True}]
)
def test_what_was_found_otherwise_is_not_an_answer(wb, reads, changes):
    first = ask(wb.settings.root)
    for path in folder(wb).rglob("meta.json"):
        rewrite(path, **changes)
    assert ask(wb.settings.root).equals(first)
    assert set(reads) == {1, 2, 3, 4, 5, 6}


def test_the_answer_of_another_store_is_none(wb, new_store, reads):
    """It has the same ids for other pictures, and a later generation."""
    other = new_store()
    for seed in (5, 5, 6, 7, 7, 8, 9, 9):
        other.upload("other.jpg", recode(jpeg(seed, 320, 240), 60 + other.statistics().images))
    for store, foreign in ((wb, other), (other, wb)):
        expected = [ask(it.settings.root) for it in (store, foreign)]
        shutil.rmtree(folder(store))
        shutil.copytree(folder(foreign), folder(store))
        with Workbench(store.settings) as anew:
            assert anew.last_clusters() is None
            assert anew.clusters(progress=False).equals(expected[0])
        reads.clear()
        assert ask(store.settings.root).equals(expected[0])
        assert reads == []
        assert ask(foreign.settings.root).equals(expected[1])


def test_a_folder_that_cannot_be_written_keeps_nobody_from_an_answer(wb):
    first = ask(wb.settings.root)
    shutil.rmtree(folder(wb).parent)
    folder(wb).parent.write_bytes(b"in the way")
    assert ask(wb.settings.root).equals(first)


def test_memory_and_disk_hold_few_kinds(wb):
    for radius in range(rounds(7, 4), 10):
        wb.clusters(radius, progress=False)
        wb.clusters(progress=False)
    answers = wb._search.cluster_service._answers
    assert set(answers._answers) == {(None, False), (9, False)}
    assert len(answers._states) <= 2
    assert {path.name for path in folder(wb).iterdir()} == {
        "lock", "usual", "radius-8", "radius-9",
    }  # fmt: skip


def by_name(frame):
    """Clusters in words that do not depend on ids."""
    columns = ["cluster_id", "filename", "distance_to_medoid", "diameter", "score", "label"]
    return frame[columns].to_dict("records")


PICTURES = [("a", 1, 90, 1.0), ("b", 1, 60, 0.6), ("c", 2, 80, 1.0), ("d", 2, 70, 0.5)]


def test_neither_arrival_nor_cores_nor_processes_matter(tmp_path, monkeypatch):
    expected = None
    for number, order in enumerate([*permutations(range(4))][:: rounds(13, 1)]):
        count = (1, 8)[number % 2]
        monkeypatch.setattr(threads, "cores", lambda workers=0, count=count: workers or count)
        root = tmp_path / str(number)
        with Workbench(Settings(root=root)) as wb:
            for k in order:
                name, seed, quality, scale = PICTURES[k]
                wb.upload(name, recode(jpeg(seed, 320, 240), quality, scale))
                if number % 3:
                    # One at a time, by this process and by others in turn.
                    frame = wb.clusters(progress=False) if k % 2 else ask(root)
            frame = ask(root)
        expected = expected or (by_name(frame), frame.attrs)
        assert (by_name(frame), frame.attrs) == expected


# The last answer ------------------------------------------------------------------------------


def test_the_last_answer_is_had_without_a_search(wb, reads):
    with Workbench(wb.settings) as other:
        last = other.last_clusters()
        assert last.attrs["current"]
        assert last.equals(other.clusters(progress=False))
        wb.upload("1 small.jpg", recode(jpeg(1, 320, 240), 80, 0.6))
        wb.forget(6)
        last = other.last_clusters()
        assert not last.attrs["current"]
        assert set(last["image_id"]) == {1, 2, 3, 4}
        assert other.last_clusters(3) is None
        with pytest.raises(InvalidRadius):
            other.last_clusters(129)
        assert reads == []


def test_a_cluster_without_its_medoid_is_left_out_of_the_last_answer(wb):
    first = wb.clusters(progress=False)
    wb.forget(int(first["image_id"].iloc[0]))
    last = wb.last_clusters()
    assert last["image_id"].tolist() == first["image_id"].tolist()[2:]
    assert last["cluster_id"].tolist() == [0, 0, 1, 1]


def test_images_left_out_are_not_left_out_of_what_is_kept(wb, reads):
    first = ask(wb.settings.root)
    hashes = wb._search.index.hashes()
    ranks = wb.catalog.run(queries.digest_ranks)
    found = wb._search.cluster_service.find(
        hashes, ranks, None, thorough=False, progress=print, without=np.array([1])
    )
    assert found.clusters.sizes.tolist() == [2, 2]
    assert reads == []
    assert ask(wb.settings.root).equals(first)


# Several processes ----------------------------------------------------------------------------

ASK = """
import sys
from imgurer_kernel import Settings, Workbench
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.workbench.clusters import service as clusters

real = pipeline.find_clusters

def counted(*args, **options):
    print("searching", flush=True)
    sys.stdin.readline()
    return real(*args, **options)

clusters.pipeline.find_clusters = counted
with Workbench(Settings(root=sys.argv[1])) as wb:
    frame = wb.clusters(progress=lambda *_: None)
    print(frame["image_id"].tolist(), flush=True)
"""


@pytest.mark.parametrize("killed", [True, False])
def test_one_searches_while_the_other_waits(wb, killed):
    """Who waits takes the answer, or, if the one who searches is killed, searches itself."""
    first = ask(wb.settings.root)["image_id"].tolist()
    wb.upload("1 small.jpg", recode(jpeg(1, 320, 240), 80, 0.6))
    wb.close()
    expected = None
    one = python("-c", ASK, wb.settings.root)
    try:
        assert one.stdout.readline() == "searching\n"
        assert wb.last_clusters()["image_id"].tolist() == first
        wb.close()
        waits = []

        def release(*progress):
            # The first time that this process waits for the other one.
            if not waits:
                waits.append(progress)
                if killed:
                    one.send_signal(signal.SIGKILL)
                else:
                    one.stdin.write("\n")
                    one.stdin.flush()

        searched, real = [], pipeline.find_clusters
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                pipeline,
                "find_clusters",
                lambda *args, **options: searched.append(1) or real(*args, **options),
            )
            expected = wb.clusters(progress=release)["image_id"].tolist()
        assert len(expected) == 7
        assert waits
        assert len(searched) == killed
        if not killed:
            assert one.stdout.readline() == f"{expected}\n"
    finally:
        one.kill()
        one.communicate()
    # Nothing is left of the one that was killed.
    assert ask(wb.settings.root)["image_id"].tolist() == expected
    assert not list(folder(wb).rglob("new-*"))
