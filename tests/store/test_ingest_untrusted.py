"""Untrusted files are decoded in child processes: a crash of a decoder is one row."""

from functools import partial

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import DecoderFailed
from imgurer_kernel.fingerprint import decoder_process
from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses
from imgurer_kernel.ui.models.search import SearchModel
from imgurer_kernel.ui.session import VisitorSession
from tests.support.decoding import misbehave
from tests.support.pictures import jpeg

pytestmark = pytest.mark.skipif(not decoder_process.AVAILABLE, reason="no such processes here")

QUIET = {"progress": False}
GOOD = jpeg(1, 120, 90)


@pytest.fixture
def wb(tmp_path, monkeypatch):
    """A store whose children do what files tell them to."""
    children = partial(DecoderProcesses, decode=misbehave)
    monkeypatch.setattr("imgurer_kernel.store.store.DecoderProcesses", children)
    with Workbench(Settings(root=tmp_path / "store", decode_seconds=1)) as wb:
        yield wb


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in (1, 3):
        (folder / f"{seed}.jpg").write_bytes(jpeg(seed, 120, 90))
    (folder / "2.jpg").write_bytes(b"crash")
    return folder


def decoding_children():
    """The children of this process that decode for a store of this module."""
    return [
        child
        for child in psutil.Process().children()
        if any(word.endswith(":misbehave") for word in child.cmdline())
    ]


def test_an_upload_that_ends_its_decoder_is_one_rejection(wb):
    rows = [
        wb.upload(name, data).iloc[0]
        for name, data in (
            ("a.jpg", b"sleep"),
            ("b.jpg", b"crash"),
            ("c.jpg", b"exit"),
            ("d.jpg", GOOD),
        )
    ]
    assert [row["status"] for row in rows] == ["rejected"] * 3 + ["added"]
    assert "more than 1 s" in rows[0]["reason"]
    assert "SIGSEGV" in rows[1]["reason"]
    assert len(wb.images()) == 1
    assert wb.check(**QUIET).empty


def test_a_folder_that_is_not_trusted_is_ingested_but_for_that_file(wb, folder):
    frame = wb.ingest(folder, untrusted=True, **QUIET)
    assert frame["status"].tolist() == ["added", "rejected", "added"]
    assert "SIGSEGV" in frame["reason"][1]


def test_a_known_file_is_not_gone_because_its_decoder_was_ended(wb, folder):
    wb.ingest(folder / "1.jpg", **QUIET)
    (folder / "1.jpg").write_bytes(b"crash")
    frame = wb.ingest(folder / "1.jpg", untrusted=True, **QUIET)
    assert frame["status"].tolist() == ["rejected"]
    assert set(wb.files()["source_state"]) == {"present"}, "it may be a picture all the same"


def test_trusted_ingests_and_searches_start_no_process(wb, folder):
    frame = wb.ingest(folder, **QUIET)
    assert frame["status"].tolist() == ["added", "rejected", "added"]
    assert "crash" not in frame["reason"][1], "it is no picture, and nobody obeys it"
    assert len(wb.similar(folder / "1.jpg")) == 1
    assert decoding_children() == []


def test_queries_of_a_browser_are_not_trusted(wb):
    wb.upload("a.jpg", GOOD)
    model = SearchModel(VisitorSession(wb))
    with pytest.raises(DecoderFailed, match="SIGSEGV"):
        model.read("b.jpg", b"crash")
    query = model.read("a.jpg", GOOD)
    assert (query.width, query.height) == (120, 90)
    assert len(model.session.similar(query.picture, None)) == 1
    rows = [model.lookup.judge(name, data) for name, data in (("b", b"crash"), ("a", GOOD))]
    assert [row.answer["status"] for row in rows] == ["rejected", "exact"]
    assert "SIGSEGV" in rows[0].answer["reason"]


def test_a_store_that_is_closed_has_no_children(wb):
    wb.upload("a.jpg", GOOD)
    assert len(decoding_children()) == 1
    wb.close()
    assert decoding_children() == []
    assert wb.upload("b.jpg", jpeg(2, 120, 90))["status"][0] == "added"


def test_a_notebook_can_upload(tmp_path):
    program = (
        "from imgurer_kernel import Settings, Workbench\n"
        f"wb = Workbench(Settings(root={str(tmp_path / 'store')!r}))\n"
        f"print(wb.upload('a.jpg', {GOOD!r})['status'][0])\n"
        "wb.close()\n"
    )
    manager, client = start_new_kernel()
    said = []
    try:
        client.execute_interactive(program, timeout=120, output_hook=said.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert [each["content"].get("text") for each in said if each["msg_type"] == "stream"] == [
        "added\n"
    ], said
