"""Several pictures at once in the search tab: the table, its filter, its frame."""

import pytest

from imgurer_kernel.ui.panels.search import SearchPanel
from imgurer_kernel.ui.widgets import picture_rows
from imgurer_kernel.ui.widgets.picture_rows import PictureRow, PictureRows
from imgurer_kernel.ui.widgets.upload.receiver import Upload
from tests.support.pictures import encode, jpeg, resized, scene

SCENE = scene(10)


def fill(wb):
    wb.accounts.create("ann", "correct horse")
    wb.upload("beach.jpg", encode(SCENE), "ann")
    wb.upload("other.jpg", jpeg(1, 160, 120))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def drop(tmp_path):
    """Function that hands files to a panel as the browser does, one after the other."""

    def dropped(panel, *files):
        control = panel.upload
        control._receive(None, {"kind": "chosen", "files": len(files)}, [])
        control._receive(None, {"kind": "queue", "open": True}, [])
        for number, (name, data) in enumerate(files):
            path = tmp_path / f"{name} {number}"
            path.write_bytes(data)
            upload = Upload(name=name, path=path, bytes=len(data), digest=str(number))
            verdict = panel._judge(upload)
            panel._search(upload, verdict)
        control._receive(None, {"kind": "queue", "open": False}, [])

    return dropped


FILES = (
    ("same.jpg", encode(SCENE)),
    ("small.png", encode(resized(SCENE, 320, 240), "PNG")),
    ("new.jpg", jpeg(7, 160, 120)),
    ("broken.jpg", b"no picture"),
)


@pytest.mark.long
def test_several_become_a_table_in_words(wb, drop):
    panel = SearchPanel(wb)
    drop(panel, *FILES)
    rows = panel.table.content["rows"]
    assert [row["name"] for row in rows] == [name for name, _ in FILES]
    assert rows[0]["text"] == "Already here: the same file, byte for byte"
    assert rows[1]["text"].startswith("Near copy of beach.jpg: resized, ")
    assert rows[2]["text"].startswith("New: ")
    assert rows[3]["text"].startswith("Cannot be read: ")
    assert rows[0]["match_text"] == "beach.jpg, added by ann"
    assert [row["lengths"][1] > 0 for row in rows] == [True, True, False, False]
    assert [row["lengths"][0] > 0 for row in rows] == [True, True, True, False]
    assert sum(sum(row["lengths"]) for row in rows) == len(panel.table.content["blob"])
    assert panel.table.title == "4 pictures looked up"
    assert panel.table.layout.display is None
    assert panel.gallery.layout.display == "none"
    assert wb.statistics().images == 2


def test_a_member_does_not_learn_who_has_it(wb, drop):
    wb.accounts.create("bob", "correct horse")
    panel = SearchPanel(wb, "bob")
    drop(panel, *FILES[:2])
    assert panel.table.content["rows"][0]["match_text"] == "beach.jpg, added by 1 other person"


def test_the_frame_is_that_of_lookup(wb, drop, tmp_path):
    panel = SearchPanel(wb)
    assert panel.results.empty
    drop(panel, *FILES)
    paths = []
    for name, data in FILES:
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    expected = wb.lookup(paths, progress=False)
    columns = ["query", "status", "image_id", "filename", "verdict", "distance", "score"]
    assert panel.results[columns].equals(expected[columns])
    assert panel.results.dtypes.equals(expected.dtypes)


def test_the_frame_of_one_search_has_all_rows(wb):
    panel = SearchPanel(wb)
    wb.upload("saved.jpg", encode(SCENE, quality=50))
    panel.model.search_for(1)
    assert panel.results["image_id"].tolist() == [3]


def test_a_row_is_searched_for_and_the_table_is_one_step_back(wb, drop):
    panel = SearchPanel(wb)
    drop(panel, *FILES)
    assert panel.model.params == {"image": "several"}
    for row, key in ((0, "1"), (1, "t2"), (2, "t3")):
        panel.table._receive(None, {"kind": "open", "value": row}, [])
        assert panel.model.query.key == key
        assert not panel.model.several
        assert panel.table.layout.display == "none"
        panel.table_button.click()
        assert panel.model.several
    panel.table._receive(None, {"kind": "open", "value": 3}, [])  # what cannot be read
    panel.table._receive(None, {"kind": "open", "value": 99}, [])
    assert panel.model.several
    panel.table._receive(None, {"kind": "match", "value": 1}, [])
    assert panel.model.query.key == "1"
    panel.model.open({"image": "several"})
    assert panel.model.several
    panel.model.open({"image": "1"})
    assert not panel.model.several


def test_the_filter_shows_one_kind(wb, drop):
    panel = SearchPanel(wb)
    drop(panel, *FILES)
    assert panel.table.totals == [
        ["exact", "1 already here"],
        ["near duplicate", "1 near copy"],
        ["new", "1 new"],
        ["rejected", "1 cannot be read"],
    ]
    panel.table.shown = "new"
    assert [row["name"] for row in panel.table.content["rows"]] == ["new.jpg"]
    drop(panel, FILES[0], FILES[1])  # of another table nothing is new
    assert panel.table.shown == ""
    assert len(panel.table.content["rows"]) == 2


def test_one_file_is_a_search_and_not_a_table(wb, drop):
    panel = SearchPanel(wb)
    drop(panel, FILES[1])
    assert panel.model.query.name == "small.png"
    assert not panel.model.several
    assert panel.results["image_id"].tolist() == [1]


def test_more_that_come_while_some_are_read_join_the_table(wb):
    panel = SearchPanel(wb)
    for message in (
        {"kind": "chosen", "files": 2},
        {"kind": "queue", "open": True},
        {"kind": "chosen", "files": 1},
    ):
        panel.upload._receive(None, message, [])
        if message.get("files") == 2:
            panel.model.lookup.add(panel.model.lookup.judge(*FILES[2]))
    assert panel._several
    assert len(panel.model.lookup.found) == 1


def test_an_address_of_a_table_of_another_page_says_so(wb):
    panel = SearchPanel(wb)
    panel.model.open({"image": "several"})
    assert "drop it here again" in panel.model.job.failure


def rows_of(number, status="new"):
    return [
        PictureRow(key=n, name=f"{n}.jpg", status=status, meaning="done", text="New", image_id=n)
        for n in range(number)
    ]


def test_only_the_first_page_is_sent(monkeypatch):
    monkeypatch.setattr(picture_rows, "PAGE", 10)
    asked = []
    table = PictureRows(lambda ids: asked.append(list(ids)) or [b"x"] * len(ids))
    table.show(rows_of(25), [("new", "25 new")])
    table.show(rows_of(26), [("new", "26 new")])  # the same page: its pictures are not read again
    assert asked == [list(range(10))]
    assert (len(table.content["rows"]), table.content["more"]) == (10, 16)
    table._receive(None, {"kind": "more"}, [])
    assert (len(table.content["rows"]), table.content["more"]) == (20, 6)


def test_invented_keys_open_nothing():
    opened = []
    table = PictureRows(lambda ids: [b""] * len(ids), opened.append, opened.append)
    table.show(rows_of(2), [])
    for message in (
        {"kind": "open", "value": 0},  # no row that opens
        {"kind": "open", "value": "0"},
        {"kind": "open", "value": None},
        {"kind": "match", "value": -1},
        {"kind": "none"},
        {},
    ):
        table._receive(None, message, [])
    assert opened == []
