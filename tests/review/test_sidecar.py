"""Facts that only a removed copy has are offered, and written beside the keeper."""

from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from imgurer_kernel import Workbench
from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.carried import read_written
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


@pytest.mark.long
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


def test_what_xml_does_not_allow_is_left_out():
    """Cameras and scanners write such characters; photo managers would not read the sidecar."""
    given = {"title": "a\x01b\x0b\t\ufffe", "persons": "Zo\xeb\x1b \U0001f600"}
    tree = ET.fromstring(packet(given))
    texts = [each.text for each in tree.iter() if each.tag.endswith("}li")]
    assert texts == ["ab\t", "Zo\xeb \U0001f600"]


IPTC = (
    b"\xff\xed\x00\x50Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x34"
    b"\x1c\x02\x05\x00\x07The sea\x1c\x02\x78\x00\x0bZ\xfcrich 1962\x1c\x02\x19\x00\x03sea"
    b"\x1c\x02\x19\x00\x06summer\x1c\x02\x50\x00\x00"
)
FACES = (
    b'<x:xmpmeta><dc:description><rdf:Alt><rdf:li xml:lang="x-default">Z\xc3\xbcrich 1962</rdf:li>'
    b"</rdf:Alt></dc:description><dc:title><rdf:Alt><rdf:li>The sea</rdf:li></rdf:Alt></dc:title>"
    b"<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>summer</rdf:li></rdf:Bag></dc:subject>"
    b"<rdf:li mwg-rs:Type='Face' mwg-rs:Name='Ann &amp; Bo'/></x:xmpmeta>"
)


def described(text):
    exif = Image.Exif()
    exif[0x010E] = text
    return exif


SMALL = encode(scene(3, 160, 120))
TEXTS = {"title": "The sea", "caption": "Zürich 1962", "keywords": "sea\nsummer"}
KNOWN = {
    "IPTC": (SMALL[:2] + IPTC + SMALL[2:], TEXTS),
    "XMP": (encode(scene(3, 160, 120), xmp=FACES), {**TEXTS, "persons": "Ann & Bo"}),
    "EXIF": (encode(scene(3, 160, 120), exif=described("At sea")), {"caption": "At sea"}),
    "a camera": (encode(scene(3, 160, 120), exif=described("OLYMPUS DIGITAL CAMERA")), {}),
}


@pytest.mark.parametrize("place", thinned(KNOWN, 2))
def test_what_people_wrote_is_offered_wherever_it_stands(new_store, place, tmp_path):
    small, facts = KNOWN[place]
    (tmp_path / "small.jpg").write_bytes(small)
    (tmp_path / "large.jpg").write_bytes(encode(scene(3, 320, 240)))
    wb = new_store()
    wb.ingest(tmp_path, store="reference", progress=False)
    plan = wb.plan(progress=False)
    assert plan["filename"].tolist() == ["small.jpg"]
    offered = wb.sidecars(plan)
    assert offered.set_index("fact")["value"].to_dict() == facts
    assert wb.preview(progress=False).attrs["facts"] == list(offered["fact"])
    wb.write_sidecars(offered)
    if facts:
        written = (tmp_path / "large.jpg.xmp").read_bytes()
        again = read_written(written, "PNG")
        read = {"title": again.title, "caption": again.caption}
        read |= {"keywords": "\n".join(again.keywords), "persons": "\n".join(again.persons)}
        assert {fact: text for fact, text in read.items() if text} == facts


def test_keywords_of_all_copies_are_joined(new_store, tmp_path):
    def tagged(size, *words):
        items = "".join(f"<rdf:li>{word}</rdf:li>" for word in words)
        packet = f"<x:xmpmeta><dc:subject>{items}</dc:subject></x:xmpmeta>"
        return encode(scene(3, *size), xmp=packet.encode())

    (tmp_path / "large.jpg").write_bytes(tagged((320, 240), "sea"))
    (tmp_path / "b.jpg").write_bytes(tagged((160, 120), "summer", "sea"))
    (tmp_path / "c.jpg").write_bytes(tagged((200, 150), "boat"))
    wb = new_store()
    wb.ingest(tmp_path, store="reference", progress=False)
    offered = wb.sidecars(wb.plan(progress=False))
    assert offered["fact"].tolist() == ["keywords"]
    [value] = offered["value"]
    assert value.split("\n")[0] == "sea"
    assert set(value.split("\n")) == {"sea", "summer", "boat"}
