"""Facts that only a removed copy has are offered, and written beside the keeper."""

from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from imgurer_kernel import Workbench
from imgurer_kernel.errors import QueryError
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.review.sidecar import packet
from imgurer_kernel.review.sidecar_runner import SIDECAR_STEPS
from imgurer_kernel.store.trash import Trash
from tests.review.folders import IN_PLACE, bytes_below, tidy
from tests.support.forms import thinned
from tests.support.pictures import encode, scene

PACKET = (
    b'<x:xmpmeta><rdf:RDF><rdf:Description xmp:Rating="4"><dc:subject><rdf:Bag>'
    b"<rdf:li>dog</rdf:li><rdf:li>a &lt; b</rdf:li></rdf:Bag></dc:subject></rdf:Description>"
    b"</rdf:RDF></x:xmpmeta>"
)


def ingest_two(wb):
    folder = wb.settings.root.parent / "in"
    folder.mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2020:05:01 10:00:00"
    exif.get_ifd(0x8825).update({1: "S", 2: (50.0, 4.0, 30.0), 3: "E", 4: (14.0, 25.0, 0.0)})
    (folder / "large.jpg").write_bytes(encode(scene(3, 320, 240)))
    (folder / "small.jpg").write_bytes(encode(scene(3, 160, 120), exif=exif, xmp=PACKET))
    wb.ingest(folder, progress=False)
    wb.queue(progress=False)  # so that no test has to search and measure


@pytest.fixture
def wb(new_place):
    return new_place(ingest_two, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def test_the_plan_is_not_what_is_offered(wb):
    with pytest.raises(QueryError, match=r"no column fact; give what sidecars\(plan\) offers"):
        wb.write_sidecars(wb.plan(progress=False))


def test_facts_of_the_copy_are_written_beside_the_keeper(wb, folder):
    [large] = wb.files().query("filename == 'large.jpg'")["file_id"]
    plan = wb.plan(pinned=[large], progress=False)
    offered = wb.sidecars(plan)
    assert offered.set_index("fact")["value"].to_dict() == {
        "taken_at": "2020-05-01T10:00:00",
        "place": "-50.075000 14.416667",
        "rating": "4",
        "keywords": "dog\na < b",
    }
    before = (folder / "large.jpg").read_bytes()
    wb.apply(plan, progress=False)
    written = wb.write_sidecars(offered)
    path = folder / "large.jpg.xmp"
    assert written["path"].tolist() == [str(path)]
    assert (folder / "large.jpg").read_bytes() == before
    text = path.read_text()
    assert ET.fromstring(text.encode()) is not None
    for part in ("2020-05-01T10:00:00", "50,4.5000S", "14,25.0000E", 'xmp:Rating="4"', "dog"):
        assert part in text
    # Nothing is ever written over what is there.
    assert "move away what is there" in wb.write_sidecars(offered)["why"].iloc[0]
    # Scans pass sidecars by.
    assert "duplicate" not in set(wb.ingest(folder, progress=False)["status"])


def test_nothing_is_offered_that_the_kept_file_has(wb):
    [small] = wb.files().query("filename == 'small.jpg'")["file_id"]
    assert wb.sidecars(wb.plan(pinned=[small], progress=False)).empty
    assert wb.write_sidecars(wb.sidecars(wb.plan(pinned=[small], progress=False))).empty


def test_only_beside_own_files_on_disk(wb):
    wb.accounts.create("ann", "a long password")
    [large] = wb.files().query("filename == 'large.jpg'")["file_id"]
    offered = wb.sidecars(wb.plan(pinned=[large], progress=False))
    assert "ask an admin" in wb.write_sidecars(offered, user="ann")["why"].iloc[0]
    wb.upload("up.jpg", encode(scene(3, 330, 250)))
    [upload] = wb.files().query("filename == 'up.jpg'")["file_id"]
    refused = wb.write_sidecars(offered.assign(keeper_id=upload))
    assert "not on disk" in refused["why"].iloc[0]


@pytest.fixture
def offered(wb):
    """What is offered beside large.jpg."""
    [large] = wb.files().query("filename == 'large.jpg'")["file_id"]
    return wb.sidecars(wb.plan(pinned=[large], progress=False))


def test_undo_leaves_the_folder_as_it_was(wb, offered, folder):
    before = bytes_below(folder), tidy(wb)
    plan = offered[["file_id", "keeper_id"]].drop_duplicates()
    wb.apply(plan, progress=False)
    wb.write_sidecars(offered)
    written = bytes_below(folder)
    assert "large.jpg.xmp" in written
    assert wb.undo(batch=wb.sitting)["status"].tolist() == ["undone"] * 2
    assert (bytes_below(folder), tidy(wb)) == before
    assert wb.write_sidecars(offered)["why"].isna().all()
    assert wb.undo()["path"].tolist() == [str(folder / "large.jpg.xmp")]
    assert (bytes_below(folder), tidy(wb)) == before


def test_a_sidecar_that_was_edited_stays_and_one_that_is_gone_is_no_matter(wb, offered, folder):
    path = folder / "large.jpg.xmp"
    wb.write_sidecars(offered)
    path.write_text("edited")
    assert "edited since" in wb.undo()["why"].iloc[0]
    assert path.read_text() == "edited"
    path.unlink()
    assert wb.undo()["status"].tolist() == ["undone"]
    assert set(wb.journal()["state"]) == {"undone"}


def test_emptying_the_trash_leaves_sidecars(wb, offered, folder):
    wb.write_sidecars(offered)
    wb.forget(file_id=int(offered["keeper_id"].iloc[0]))
    wb.trash.empty("0s")
    assert (folder / "large.jpg.xmp").exists()
    assert wb.journal()["state"].tolist() == ["done"]
    assert wb.undo()["status"].tolist() == ["undone"]
    assert not (folder / "large.jpg.xmp").exists()


class Crash(BaseException):
    """An exception that no code of the package catches."""


@pytest.mark.parametrize("at", thinned([*SIDECAR_STEPS, "undoing"], 2))
def test_a_crash_leaves_a_whole_sidecar_or_none(wb, offered, folder, at):
    def step(name):
        if name == at:
            raise Crash

    before = bytes_below(folder)
    settings = wb.settings
    if at == "undoing":
        wb.write_sidecars(offered)
    wb._runner = ActRunner(wb.store, Trash(wb.store), step)
    with pytest.raises(Crash):
        _ = wb.undo() if at == "undoing" else wb.write_sidecars(offered)
    wb.close()
    with Workbench(settings) as again:
        assert not (settings.root / "review.pending").exists()
        there = bytes_below(folder) != before
        states = again.journal()["state"].tolist()
        assert states == ["done" if there else "rolled back"] * (at != "marked")
        again.undo()
        assert bytes_below(folder) == before


def test_a_sidecar_that_was_half_written_is_gone_after_the_crash(wb, offered, folder, monkeypatch):
    before = bytes_below(folder)

    def crash(*_):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.review.moves.os.fsync", crash)
        with pytest.raises(Crash):
            wb.write_sidecars(offered)
    assert bytes_below(folder) != before
    settings = wb.settings
    wb.close()
    with Workbench(settings) as again:
        assert bytes_below(folder) == before
        assert again.journal()["state"].tolist() == ["rolled back"]


def test_values_are_escaped():
    tree = ET.fromstring(packet({"keywords": "<b>&\"'"}))
    assert [each.text for each in tree.iter() if each.tag.endswith("}li")] == ["<b>&\"'"]
