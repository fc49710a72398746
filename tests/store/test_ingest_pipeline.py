import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import NotAllowed, SourceError, StorageFull, UnknownUser
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.store.catalog import commands
from imgurer_kernel.store.ingest import worker
from tests.support.forms import rounds
from tests.support.pictures import jpeg

QUIET = {"progress": False}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    (folder / "trip").mkdir(parents=True)
    for seed, name in enumerate(["a.jpg", "b.jpg", "trip/c.jpg"]):
        (folder / name).write_bytes(jpeg(seed))
    (folder / "copy of a.jpg").write_bytes(jpeg(0))
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def wb(new_store):
    return new_store()


def statuses(frame):
    return dict(zip(frame["source"].str.rpartition("/")[2], frame["status"], strict=True))


def test_one_row_for_each_file_in_order_with_the_promised_columns(wb, folder):
    frame = wb.ingest(folder, **QUIET)
    assert list(frame.columns) == [
        *("source", "status", "reason", "image_id", "file_id", "digest", "dhash")
    ]
    assert frame["source"].tolist() == [
        str(folder / name)
        for name in ["a.jpg", "b.jpg", "copy of a.jpg", "notes.txt", "trip/c.jpg"]
    ]
    assert statuses(frame) == {
        "a.jpg": "added",
        "b.jpg": "added",
        "copy of a.jpg": "duplicate",
        "notes.txt": "rejected",
        "c.jpg": "added",
    }
    copy = frame.iloc[2]
    assert copy["image_id"] == frame.iloc[0]["image_id"]
    assert copy["reason"] == "same bytes as a.jpg"
    assert frame["reason"].tolist()[:2] == ["", ""], "of what was added nothing is to be said"
    rejected = frame.iloc[3]
    assert rejected["reason"]
    assert rejected[["image_id", "file_id", "digest", "dhash"]].isna().all()


def test_ids_follow_the_order_of_the_files(wb, folder):
    frame = wb.ingest(folder, **QUIET)
    added = frame[frame["status"] == "added"]["image_id"].tolist()
    assert added == sorted(added)


def test_a_second_run_reads_nothing(wb, folder, monkeypatch):
    wb.ingest(folder, **QUIET)
    monkeypatch.setattr("imgurer_kernel.store.ingest.ingest_files.fingerprint", pytest.fail)
    again = wb.ingest(folder / "trip", **QUIET)
    assert again["status"].tolist() == ["unchanged"]
    assert again["reason"].tolist() == ["unchanged since it was ingested"]
    assert again["dhash"].str.fullmatch("[0-9a-f]{32}").all()


def test_a_file_that_changed_is_read_again(wb, folder):
    first = wb.ingest(folder / "b.jpg", **QUIET).iloc[0]
    (folder / "b.jpg").write_bytes(jpeg(77))
    second = wb.ingest(folder / "b.jpg", **QUIET).iloc[0]
    assert second["status"] == "changed"
    assert second["image_id"] != first["image_id"]
    assert second["file_id"] == first["file_id"]
    assert set(wb.images()["image_id"]) == {first["image_id"], second["image_id"]}


def test_each_user_holds_an_own_copy_of_one_image(wb, folder):
    wb.accounts.create("ada", "a long password")
    wb.ingest(folder / "a.jpg", **QUIET)
    frame = wb.ingest(folder / "a.jpg", user="ada", **QUIET)
    assert frame["status"].tolist() == ["duplicate"]
    assert wb.images()["holders"].tolist() == [2]
    assert set(wb.holdings()["user"]) == {"local", "ada"}


def test_unknown_and_disabled_users(wb, folder):
    with pytest.raises(UnknownUser, match="nobody"):
        wb.ingest(folder, user="nobody", **QUIET)
    wb.accounts.create("ada", "a long password")
    wb.accounts.disable("ada")
    with pytest.raises(NotAllowed, match="disabled"):
        wb.ingest(folder, user="ada", **QUIET)
    assert wb.images().empty


def test_a_source_that_is_not_there(wb, tmp_path):
    with pytest.raises(SourceError, match="nowhere"):
        wb.ingest(tmp_path / "nowhere", **QUIET)


def test_progress_counts_every_file(wb, folder):
    seen = []
    wb.ingest(folder, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (5, 5)


def test_the_store_does_not_take_itself_in(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(0))
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        wb.ingest(tmp_path, **QUIET)
        assert wb.ingest(tmp_path, **QUIET)["source"].tolist() == [str(tmp_path / "a.jpg")]


@pytest.mark.parametrize("store", ["copy", "link", "reference"])
def test_the_original_comes_back_byte_for_byte(tmp_path, folder, store):
    with Workbench(Settings(root=tmp_path / store, store=store)) as wb:
        row = wb.ingest(folder / "a.jpg", **QUIET).iloc[0]
        with wb.original(row["image_id"]) as original:
            assert original.read() == jpeg(0)
        assert wb.check(**QUIET).empty


def test_stopping_keeps_what_was_done(wb, tmp_path):
    for seed in range(12):
        (tmp_path / f"{seed:02}.jpg").write_bytes(jpeg(seed))
    stop = threading.Event()
    frame = wb.ingest(
        [tmp_path / f"{seed:02}.jpg" for seed in range(12)],
        progress=lambda done, total: stop.set(),
        stop=stop,
    )
    assert len(wb.images()) == frame["image_id"].nunique()


@pytest.mark.long
def test_an_interrupt_keeps_what_was_done(tmp_path):
    for seed in range(rounds(60, 120)):
        (tmp_path / f"{seed:03}.jpg").write_bytes(jpeg(seed % 7) + bytes([seed]))
    program = (
        "import sys\nfrom imgurer_kernel import Settings, Workbench\n"
        "wb = Workbench(Settings(root=sys.argv[2]))\n"
        "tell = lambda done, total: print(done, flush=True)\n"
        "try:\n    wb.ingest(sys.argv[1] + '/*.jpg', progress=tell)\n"
        "except KeyboardInterrupt:\n    print('stopped', len(wb.images()), flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        text=True,
    )
    done = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[0].split()
    if "stopped" in rest:
        assert int(rest[rest.index("stopped") + 1]) >= done
    else:
        assert str(rounds(60, 120)) in rest  # it was quicker than the signal
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        assert wb.check(**QUIET)["problem"].isin(["orphan original"]).all()


def test_a_kill_leaves_orphans_at_worst(tmp_path):
    for seed in range(80):
        (tmp_path / f"{seed:03}.jpg").write_bytes(jpeg(seed % 7) + bytes([seed]))
    program = (
        "import sys\nfrom imgurer_kernel import Settings, Workbench\n"
        "wb = Workbench(Settings(root=sys.argv[2]))\n"
        "wb.ingest(sys.argv[1] + '/*.jpg', progress=lambda done, total: print(done, flush=True))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert int(process.stdout.readline()) > 0
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        found = wb.check(repair=True, **QUIET)
        assert set(found["problem"]) <= {"orphan original"}
        assert found["repaired"].all()
        assert wb.check(**QUIET).empty
        frame = wb.ingest(str(tmp_path / "*.jpg"), **QUIET)
        assert len(frame) == 80
        assert not (frame["status"] == "rejected").any()
        assert len(wb.images()) == 80


def test_a_full_disk_stops_the_run_and_keeps_what_was_committed(wb, folder, monkeypatch):
    wb.ingest(folder / "a.jpg", **QUIET)

    def put(*args, **kwargs):
        raise StorageFull("no space is left on the disk")

    monkeypatch.setattr(type(wb.blobs), "put", put)
    with pytest.raises(StorageFull):
        wb.ingest(folder, **QUIET)
    assert len(wb.images()) == 1


def test_a_file_that_is_written_to_meanwhile_is_rejected(wb, folder, monkeypatch):
    class Opened:
        """A file that is written to after it was read."""

        def __init__(self, path):
            self.file, self.path = open(path, "rb"), path  # noqa: PTH123, SIM115

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def fileno(self):
            return self.file.fileno()

        def read(self):
            data = self.file.read()
            with open(self.path, "ab") as file:  # noqa: PTH123
                file.write(b"more")
            return data

    wb.ingest(folder / "b.jpg", **QUIET)
    real = type(folder).open
    monkeypatch.setattr(
        type(folder),
        "open",
        lambda path, *mode, **how: (
            Opened(path) if path == folder / "a.jpg" else real(path, *mode, **how)
        ),
    )
    frame = wb.ingest(folder / "a.jpg", **QUIET)
    assert frame["status"].tolist() == ["rejected"]
    assert "changed while it was read" in frame["reason"][0]


@pytest.mark.parametrize("store", ["link", "reference"])
@pytest.mark.parametrize("change", ["remove", "write"])
def test_a_file_that_goes_or_changes_after_it_was_read_is_rejected(
    tmp_path, folder, monkeypatch, store, change
):
    def and_then(data, limits):
        if data == jpeg(0):
            for name in ["a.jpg", "copy of a.jpg"]:
                if change == "remove":
                    (folder / name).unlink(missing_ok=True)
                else:
                    (folder / name).write_bytes(data + b"more")
        return fingerprint(data, limits=limits)

    monkeypatch.setattr("imgurer_kernel.store.ingest.ingest_files.fingerprint", and_then)
    with Workbench(Settings(root=tmp_path / store, store=store, workers=1)) as wb:
        frame = wb.ingest(folder, **QUIET)
        found = statuses(frame)
        assert (found["a.jpg"], found["b.jpg"], found["c.jpg"]) == ("rejected", "added", "added")
        assert str(folder / "a.jpg") in frame["reason"][0]
        assert wb.check(**QUIET).empty


def test_bytes_that_another_process_deletes_meanwhile_are_stored_again(wb, folder, monkeypatch):
    real = commands.add

    def add(connection, arrivals, confirm=None):
        for arrival in arrivals:
            wb.blobs.delete(arrival.digest)
        return real(connection, arrivals, confirm)

    monkeypatch.setattr(commands, "add", add)
    row = wb.ingest(folder / "a.jpg", **QUIET).iloc[0]
    with wb.original(row["image_id"]) as original:
        assert original.read() == jpeg(0)


def test_originals_without_a_row_are_ingested_without_another_copy(wb, folder):
    wb.blobs.put(jpeg(0))
    wb.blobs.put(jpeg(1))
    frame = wb.ingest(folder, **QUIET)
    assert statuses(frame) == {
        "a.jpg": "added",
        "b.jpg": "added",
        "copy of a.jpg": "duplicate",
        "notes.txt": "rejected",
        "c.jpg": "added",
    }
    assert wb.check(**QUIET).empty


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_is_deleted_with_its_original_is_rejected_alone(wb, folder, monkeypatch, known):
    """Also if that is found inside the transaction, which is then repeated."""
    if known:
        wb.ingest(folder / "a.jpg", **QUIET)
        wb.accounts.create("ada", "a long password")
    real = commands.add

    def add(connection, arrivals, confirm=None):
        for path in folder.glob("*a.jpg"):
            path.unlink()
        for arrival in arrivals:
            if arrival.filename == "a.jpg":
                wb.blobs.delete(arrival.digest)
        return real(connection, arrivals, confirm)

    monkeypatch.setattr(commands, "add", add)
    frame = wb.ingest(folder, user="ada" if known else None, **QUIET)
    assert statuses(frame) == {
        "a.jpg": "rejected",
        "b.jpg": "added",
        "copy of a.jpg": "rejected",
        "notes.txt": "rejected",
        "c.jpg": "added",
    }
    assert "cannot be read" in frame["reason"][0]
    assert frame["image_id"].dropna().tolist() == wb.images()["image_id"].tolist()[-2:]


@pytest.mark.long
def test_no_more_files_are_decoded_at_once_than_there_are_workers(tmp_path, monkeypatch):
    guard, inside, most = threading.Lock(), 0, 0

    def watched(data, limits):
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        time.sleep(0.01)
        try:
            return fingerprint(data, limits=limits)
        finally:
            with guard:
                inside -= 1

    monkeypatch.setattr("imgurer_kernel.store.ingest.ingest_files.fingerprint", watched)
    for seed in range(20):
        (tmp_path / f"{seed:02}.jpg").write_bytes(jpeg(seed))
    with Workbench(Settings(root=tmp_path / "other", workers=2)) as wb:
        assert (wb.ingest(str(tmp_path / "*.jpg"), **QUIET)["status"] == "added").all()
    assert most == 2


@pytest.mark.parametrize(
    "name", ['quo"te.jpg', "new\nline.jpg", "🏔.jpg", "<img src=x onerror=alert(1)>", "é" * 127]
)
def test_odd_names_are_kept_as_they_are(wb, tmp_path, name):
    (tmp_path / name).write_bytes(jpeg(0))
    wb.ingest([tmp_path / name], **QUIET)
    assert wb.images()["filename"].tolist() == [name]
    assert wb.ingest([tmp_path / name], **QUIET)["reason"].tolist() == [
        "unchanged since it was ingested"
    ]


def test_a_name_that_is_not_utf8(wb, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/\xff.jpg", "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(jpeg(0))
    assert wb.ingest(folder, **QUIET)["status"].tolist() == ["added"]
    assert wb.images()["filename"].tolist() == ["\\xff.jpg"]
    assert wb.ingest(folder, **QUIET)["status"].tolist() == ["unchanged"]


def test_an_image_forgotten_after_the_look_up_is_ingested_again(wb, folder, monkeypatch):
    first = wb.ingest(folder / "a.jpg", **QUIET).iloc[0]
    wb.accounts.create("ada", "a long password")
    real = worker.store_original

    def forgotten_first(blobs, data, arrival, path=None):
        assert arrival.fingerprint is None
        wb.forget(int(first["image_id"]))
        return real(blobs, data, arrival, path)

    monkeypatch.setattr(worker, "store_original", forgotten_first)
    row = wb.ingest(folder / "a.jpg", user="ada", **QUIET).iloc[0]
    monkeypatch.undo()
    assert row["status"] == "added"
    assert wb.thumbnail(row["image_id"])
    assert wb.check(**QUIET).empty
