"""The review without a browser: the queue, acts and their undo, and the content of the board."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.review.plan import PLAN, read_plan
from imgurer_kernel.ui import ReviewPanel
from imgurer_kernel.ui.models.review import ReviewModel
from imgurer_kernel.ui.models.review_captions import preview_texts, review_cluster
from imgurer_kernel.ui.models.review_queue import (
    KINDS,
    NOTHING,
    ORDERS,
    SHOWN,
    QueueFilter,
    kind_counts,
    passes,
    select,
)
from imgurer_kernel.ui.models.review_route import filter_params, parse_filter
from imgurer_kernel.ui.panels.review_bars import bars_of
from imgurer_kernel.ui.session import VisitorSession
from tests.support.forms import long_only, pairs, thinned
from tests.support.pictures import encode, resized, scene

NASTY = "<b>x<b>\n=1+1.jpg"


def fill(wb):
    """Three pictures: one with two copies on disk, one with an exact copy, one alone."""
    folder = wb.settings.root.parent / "pictures"
    one, two = scene(1, 320, 240), scene(2, 320, 240)
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(encode(one, quality=95))
    (folder / "a small.jpg").write_bytes(encode(resized(one, 160, 120)))
    (folder / "sub" / "a again.png").write_bytes(encode(one, "PNG"))
    (folder / "b.jpg").write_bytes(encode(two))
    (folder / "sub" / NASTY).write_bytes(encode(two))
    (folder / "c.jpg").write_bytes(encode(scene(3, 320, 240)))
    wb.ingest(folder, progress=False)
    wb.queue(progress=False)  # so that no test has to search and measure


@pytest.fixture
def wb(new_place):
    """A store that refers to a folder of its own."""
    return new_place(fill, store="reference")


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "pictures"


@pytest.fixture
def model(wb):
    made = ReviewModel(VisitorSession(wb))
    made.load()
    return made


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgurer-trash" not in path.parts
    }


def cluster_with(model, name):
    files = model.queue.files
    return int(files.loc[files["filename"] == name, "cluster_id"].iloc[0])


@pytest.mark.long
def test_the_queue_has_every_cluster_and_the_one_to_keep_first(model):
    assert len(model.listed) == 2
    for cluster_id in model.listed:
        members = model.queue.members(cluster_id)
        assert members["file_id"].iloc[0] == members["keeper_id"].iloc[0]
    assert model.progress.total == 2
    assert model.progress.done == 0


def test_removing_the_others_moves_them_and_undo_brings_every_byte_back(model, folder):
    before = contents(folder)
    cluster = cluster_with(model, "a.jpg")
    model.remove_others(cluster)
    left = contents(folder)
    assert len(left) == len(before) - 2
    assert model.done[cluster].text.startswith("Kept 1, removed 2")
    assert model.progress.done == 1
    assert model.progress.removed > 0
    model.undo()
    assert contents(folder) == before
    assert cluster not in model.done
    assert (model.progress.done, model.progress.removed) == (0, 0)


def test_the_preview_names_what_only_removed_files_know(new_store, tmp_path):
    packet = b"<x:xmpmeta><a xmp:Rating='4'/></x:xmpmeta>"
    (tmp_path / "large.jpg").write_bytes(encode(scene(3, 320, 240)))
    (tmp_path / "small.jpg").write_bytes(encode(scene(3, 160, 120), xmp=packet))
    wb = new_store()
    wb.ingest(tmp_path, store="reference", progress=False)
    panel = ReviewPanel(wb)
    panel._act("preview", {})
    facts = dict(panel.board.preview["facts"])
    assert facts["Only they have"].startswith("1 fact (rating); to keep them, save the CSV")
    plan = tmp_path / "plan.csv"
    plan.write_bytes(panel._csv().file.read())
    assert list(read_plan(plan)) == PLAN
    assert wb.apply(plan, dry_run=True, progress=False)["status"].tolist() == ["ready"]
    (tmp_path / "small.jpg").write_bytes(b"edited")
    panel._act("preview", {})
    assert "Only they have" not in dict(panel.board.preview["facts"]), "it stays"


def test_a_preview_says_which_files_were_removed_elsewhere(model, wb):
    wb.apply(wb.plan(progress=False), progress=False)
    model.show_preview()
    texts = preview_texts(model.preview)
    assert (texts["title"], texts["about"], texts["note"]) == ("Nothing to remove", "", "")
    [[label, said]] = texts["facts"]
    assert (label, said.partition(",")[0]) == ("Gone since", "3 files")
    assert model.stale


@pytest.mark.long
def test_a_member_is_told_what_a_member_can_remove(wb):
    wb.accounts.create("ann", "a long password")
    panel = ReviewPanel(wb, "ann")
    bars = panel.board.bars
    assert (bars["removes"], bars["everything"]) == (0, "")
    assert set(panel.model.queue.clusters["frees"]) == {0}
    files = [file for cluster in panel.board._content["clusters"] for file in cluster["files"]]
    assert {(file["folder"], file["no_folder"]) for file in files} == {("", "someone else's")}


def test_each_empty_list_of_decisions_has_its_own_text(model):
    for show in ("later", "decided", "disputed"):
        model.set_filter(show=show)
        assert model.empty_text == NOTHING[show]
    model.set_filter(text="x")
    assert model.empty_text.startswith("No cluster passes the filters")


@pytest.mark.parametrize("how", ["different", *long_only("removed")])
def test_undo_after_a_new_sort_restores_and_shows_the_cluster(model, folder, how):
    before = contents(folder)
    cluster = cluster_with(model, "a.jpg")
    if how == "removed":
        model.remove_others(cluster)
    else:
        model.decide([cluster], "different")
    model.load()
    assert "a.jpg" not in set(model.queue.files["filename"])
    [other] = model.listed
    model.decide([other], "later")  # for this sitting: its files are the same bytes
    model.load()
    model.undo()
    assert contents(folder) == before
    assert len(model.listed) == model.progress.total == 2
    assert model.progress.done == 0
    assert model.gone_to[0] == cluster_with(model, "a.jpg")


def test_the_queue_includes_acts_done_while_it_was_read(model, wb, monkeypatch):
    read, cluster = wb.queue, cluster_with(model, "a.jpg")

    def read_before_it_is_removed(*arguments, **options):
        found = read(*arguments, **options)
        monkeypatch.undo()
        model.remove_others(cluster)
        return found

    monkeypatch.setattr(wb, "queue", read_before_it_is_removed)
    model.load()
    assert "a.jpg" not in set(model.queue.files["filename"])
    assert (model.progress.done, len(model.listed), model.done) == (1, 1, {})


def test_the_words_of_an_empty_page_follow_the_filter(wb):
    panel = ReviewPanel(wb)
    for show in ("later", "disputed"):
        panel._set("show", show)
        assert panel.board._content["empty"] == NOTHING[show]


@pytest.mark.long
def test_progress_counts_postponed_clusters_separately(model):
    def aside():
        return bars_of(model)["progress"]["removed"]

    assert aside() == ""
    model.decide([cluster_with(model, "a.jpg")], "later")
    assert aside() == "1 put off"
    model.load()
    assert aside() == "1 put off"
    model.set_filter(show="later")
    model.decide([cluster_with(model, "a.jpg")], "different")
    assert aside() == ""


def test_the_choices_of_a_filter_include_its_value(model, wb):
    wanted = {"folder": "/gone", "user": "bob", "camera": "Box 1", "since": 1999, "least_bytes": 7}
    model.set_filter(**wanted)
    bars = bars_of(model)
    for name, choices in zip(
        wanted, ("folders", "users", "cameras", "years", "sizes"), strict=True
    ):
        assert str(wanted[name]) == bars[name]
        assert bars[name] in [key for key, _ in bars[choices]]
    many = [f"/photos/{number}" for number in range(207)]
    model.queue = replace(model.queue, choices={"folders": tuple(many)})
    assert bars_of(model)["folders"][-1] == [None, "7 more: type a part of the name"]


def test_an_empty_page_has_words_when_its_pictures_arrive_late(wb):
    panel = ReviewPanel(wb)
    panel.model.set_filter(folder="/gone")
    panel._show_thumbnails({})
    assert panel.board._content["empty"].startswith("No cluster passes the filters")


@pytest.mark.long
def test_the_order_stays_until_it_is_sorted_again(model):
    before = model.listed
    model.remove_others(before[0])
    assert model.listed == before
    assert not model.stale, "one's own acts are no news"
    model.load()
    assert model.listed == tuple(range(len(model.listed)))
    assert len(model.listed) == 1
    assert model.progress.done == 1
    assert model.progress.total == 2


def test_undo_reverts_the_last_act_or_that_of_a_cluster(model, folder):
    before = contents(folder)
    first, second = model.listed
    model.remove_others(first)
    model.decide([second], "later")
    model.undo(first)
    assert contents(folder) == before
    assert list(model.done) == [second]
    model.undo()
    assert model.done == {}
    assert len(model.session.workbench.decisions()) == 0
    model.undo()
    assert "nothing" in model.message.lower()


@pytest.mark.long
def test_originals_are_measured_when_they_are_first_shown(model, new_store):
    assert model._read_rows.attrs["unmeasured"] == 0
    wb = new_store()
    wb.upload("a.jpg", encode(scene(1, 320, 240)))
    wb.upload("b.jpg", encode(resized(scene(1, 320, 240), 160, 120)))
    clusters = wb.clusters(progress=False)
    assert wb.queue(clusters, measure=False).attrs["unmeasured"] == 2
    assert wb.unmeasured(clusters) == 2
    ReviewModel(VisitorSession(wb)).load()
    assert wb.unmeasured(clusters) == 0
    assert wb.queue(clusters, measure=False).attrs["unmeasured"] == 0


@pytest.mark.long
def test_clusters_decided_to_be_different_do_not_return(model):
    cluster = cluster_with(model, "a.jpg")
    model.decide([cluster], "different")
    assert model.done[cluster].text == "Not the same"
    model.load()
    assert "a.jpg" not in set(model.queue.files["filename"])
    assert model.progress.done == 1


@pytest.mark.long
def test_an_undone_decision_does_not_hide_a_cluster_that_was_being_measured(model, wb, monkeypatch):
    read = wb.queue

    def decided_while_it_is_measured(rows, **options):
        made = wb.decide(rows[rows["cluster_id"] == 0].drop_duplicates("image_id"), "different")
        measured = read(rows, **options)
        wb.undecide(made["decision_id"].tolist())
        return measured

    monkeypatch.setattr(wb, "queue", decided_while_it_is_measured)
    model._read_rows.attrs["unmeasured"] = 1
    model.show_page(0)
    monkeypatch.undo()
    model.set_filter(show="open")
    assert len(model.listed) == 2


def test_postponed_clusters_are_listed_by_their_filter(model):
    cluster = cluster_with(model, "a.jpg")
    model.decide([cluster], "later")
    model.load()
    assert len(model.listed) == 1
    model.set_filter(show="later")
    assert len(model.listed) == 1
    assert model.progress.done == 0, "it is still to be decided"
    assert "a.jpg" in set(model.queue.members(model.listed[0])["filename"])


@pytest.mark.long
def test_another_file_can_be_kept(model, folder):
    cluster = cluster_with(model, "a.jpg")
    members = model.queue.members(cluster)
    small = int(members.loc[members["filename"] == "a small.jpg", "file_id"].iloc[0])
    model.keep(small)
    assert int(model.queue.members(cluster)["file_id"].iloc[0]) == small
    model.remove_others(cluster)
    left = contents(folder)
    assert "a small.jpg" in left
    assert "a.jpg" not in left


def test_a_selection_of_files_goes_and_never_the_one_that_is_kept(model, folder):
    files = model.queue.files
    model.remove_files(files["file_id"].tolist())
    left = contents(folder)
    assert len(left) == 3
    model.undo()
    model.undo()
    assert len(contents(folder)) == 6


def test_everything_shown_goes_after_a_preview_only(model, folder):
    before = contents(folder)
    model.show_preview()
    preview = model.preview
    assert contents(folder) == before
    assert len(preview.plan) == 3
    assert dict(preview.facts)["On disk"].startswith("3 files")
    model.confirm()
    assert len(contents(folder)) == 3
    assert len(model.done) == 2
    model.undo()
    assert contents(folder) == before


@pytest.mark.parametrize("store", ["reference", "copy"])
def test_a_preview_frees_what_the_review_says(new_place, store):
    """The store has equal bytes once, however many files of them go."""
    wb = new_place(fill, store=store)
    model = ReviewModel(VisitorSession(wb))
    model.load()
    said = human_bytes(int(model.queue.clusters["frees"].sum()))
    model.show_preview()
    assert dict(model.preview.facts)["Frees"] == f"{said}, once the trash is emptied"
    taken_back = {row["file_id"]: row["bytes"] for row in model.preview.plan.to_dict("records")}
    assert (human_bytes(sum(taken_back.values())) == said) is (store == "reference")


@pytest.mark.long
def test_a_preview_can_be_dismissed(model, folder):
    model.show_preview()
    model.preview = None
    model.confirm()
    assert len(contents(folder)) == 6


def test_a_changed_keeper_is_reported_and_nothing_is_removed(model, folder):
    cluster = cluster_with(model, "a.jpg")
    keeper = model.queue.members(cluster)["path"].iloc[0]
    with open(keeper, "ab") as file:  # noqa: PTH123
        file.write(b"more")
    before = contents(folder)
    model.remove_others(cluster)
    assert cluster not in model.done
    assert model.failures[cluster].startswith("0 of ")
    assert contents(folder) == before


def test_a_change_by_another_user_makes_the_queue_stale(model):
    model.session.changed()
    assert model.stale


@pytest.mark.parametrize("what", ["apply", "decide", "ingest"])
def test_what_others_do_is_noticed_by_who_comes_back(model, wb, folder, what):
    ReviewPanel(model.session, model=model)._act("returned", {})
    assert not model.stale
    with Workbench(wb.settings) as other:  # as a command does
        if what == "apply":
            other.apply(other.plan(progress=False).head(1), progress=False)
        elif what == "decide":
            pair = other.clusters(progress=False)["image_id"].unique()[:2].tolist()
            other.decide(pair, "different")
        else:
            (folder / "d.jpg").write_bytes(encode(scene(4, 320, 240)))
            other.ingest(folder, store="reference", progress=False)
    panel = ReviewPanel(model.session, model=model)
    model.message = "Undone."
    panel._act("returned", {})
    assert model.stale
    assert panel.board.bars["message"].startswith("Undone. The store has changed since. Sort again")
    panel._act("again", {})
    panel._act("returned", {})
    assert not model.stale


def test_what_one_does_oneself_is_no_news(model):
    cluster = cluster_with(model, "a.jpg")
    for step in (
        lambda: model.remove_others(cluster),
        model.undo,
        lambda: model.decide([cluster], "different"),
        model.undo,
        lambda: model.decide([cluster], "later"),
        model.show_preview,
        model.confirm,
        model.undo,
    ):
        step()
        model.look()
        assert not model.stale


@pytest.mark.long
def test_members_act_on_their_own_files_and_see_no_places_of_others(wb, folder):
    wb.accounts.create("ann", "a long password")
    wb.upload("mine.png", encode(scene(1, 320, 240), "PNG"), user="ann")
    model = ReviewModel(VisitorSession(wb, "ann"))
    model.load()
    cluster = cluster_with(model, "mine.png")
    members = model.queue.members(cluster)
    others = members[members["filename"] != "mine.png"]
    assert others["path"].isna().all()
    before = contents(folder)
    model.remove_others(cluster)
    assert contents(folder) == before
    assert str(folder) not in str(model.done)


@pytest.mark.long
def test_the_board_shows_what_the_model_says(wb):
    panel = ReviewPanel(wb)
    content = panel.board._content
    fates = [file["fate"] for cluster in content["clusters"] for file in cluster["files"]]
    assert sorted(fates) == ["keep", "keep", "remove", "remove", "remove"]
    assert panel.board.bars["everything"].startswith("Everything shown: 2 clusters, 3 files")
    first = content["clusters"][0]["cluster_id"]
    panel._act("remove_others", {"cluster_id": first})
    assert panel.board.done[str(first)]["can_undo"]
    panel._act("undo", {"cluster_id": first})
    assert panel.board.done == {}
    panel._act("preview", {})
    assert panel.board.preview["files"] == 3
    panel._act("dismiss", {})
    assert panel.board.preview == {}


def test_comparing_an_exact_copy_says_that_there_is_nothing_to_compare(wb):
    panel = ReviewPanel(wb)
    files = panel.model.queue.files
    exact = files[files["filename"] == NASTY].iloc[0]
    panel._act(
        "compare", {"cluster_id": int(exact["cluster_id"]), "file_id": int(exact["file_id"])}
    )
    assert panel.board.bars["message"].startswith("Byte for byte the same")
    panel.model.message = ""
    both = files.loc[files["image_id"] == exact["image_id"], "file_id"].tolist()
    panel._act("compare_selected", {"file_ids": both})
    assert panel.board.bars["message"].startswith("Byte for byte the same")


def test_what_is_opened_has_the_name_of_the_file_that_it_was_opened_from(new_store, tmp_path):
    """Not that of another file with the same bytes, which is to be removed."""
    folder = tmp_path / "in"
    folder.mkdir()
    best = encode(scene(1, 320, 240), quality=95)
    for name in ("a.jpg", "Copy of a.jpg", "b.jpg"):
        (folder / name).write_bytes(best)
    (folder / "a small.jpg").write_bytes(encode(resized(scene(1, 320, 240), 160, 120)))
    wb = new_store()
    wb.ingest(folder, store="reference", progress=False)
    panel = ReviewPanel(wb)
    files = panel.model.queue.files.set_index("filename")
    cluster = int(files["cluster_id"].iloc[0])
    kept = panel.board._content["clusters"][0]["files"][0]["name"]
    for name, file in files.iterrows():
        chosen = {"cluster_id": cluster, "file_id": int(file["file_id"])}
        panel._act("look", chosen)
        viewer = panel.viewer.widget
        assert viewer._content["tiles"][viewer.position]["name"] == name
        if name not in {"a small.jpg", kept}:
            continue
        panel._act("compare", chosen)
        content = panel.comparison.widget._content
        assert [tile["name"] for tile in content["tiles"]] == [kept, "a small.jpg"]
        [places] = [fact["values"] for fact in content["facts"] if fact["label"] == "File"]
        assert [place.rpartition("/")[2] for place in places] == [kept, "a small.jpg"]
    for name in ("Copy of a.jpg", "b.jpg"):
        pair = [int(files.loc[each, "file_id"]) for each in (name, "a small.jpg")]
        panel._act("compare_selected", {"file_ids": pair})
        assert panel.comparison.widget._content["tiles"][0]["name"] == name


NONSENSE = [
    ("remove_others", {"cluster_id": 99}),
    ("remove_others", {"cluster_id": "1"}),
    ("remove_others", {}),
    ("keep", {"file_id": 999}),
    ("remove", {"file_ids": "all"}),
    ("remove", {"file_ids": [None, "x", 12345]}),
    ("decide", {"cluster_id": 0, "verdict": "nonsense"}),
    ("set", {"name": "order", "value": "nonsense"}),
    ("set", {"name": "page_size", "value": "1000000"}),
    ("set", {"name": "session", "value": "x"}),
    ("look", {"file_id": -1}),
    ("compare", {"cluster_id": 99, "file_id": 3}),
    ("confirm", {}),
    ("nonsense", {}),
]


def test_a_message_that_makes_no_sense_does_nothing(wb, folder):
    panel = ReviewPanel(wb)
    before = contents(folder)
    for message in NONSENSE:
        panel._act(*message)
        assert contents(folder) == before, message
        assert panel.model.done == {}, message


def test_an_empty_store_shows_the_way_to_upload_and_nothing_to_filter(tmp_path):
    asked = []
    with Workbench(Settings(root=tmp_path / "empty")) as wb:
        panel = ReviewPanel(wb, on_upload=lambda: asked.append(1))
        assert panel.board.bars["store_is_empty"]
        assert panel.board.bars["nothing"]
        assert panel.save.layout.display == "none"
        assert panel.upload.layout.display != "none"
        panel.upload.click()
        assert asked == [1]
        wb.upload("a.jpg", encode(scene(1, 64, 48)))
        panel.model.load()
        assert not panel.board.bars["store_is_empty"]
        assert panel.upload.layout.display == "none"


def test_an_empty_store_and_one_without_duplicates_say_which_they_are(tmp_path):
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        assert "no pictures here yet" in ReviewPanel(wb).board._content["empty"]
        wb.upload("a.jpg", encode(scene(1, 64, 64)))
        assert "There is only one picture here." in ReviewPanel(wb).board._content["empty"]
        wb.upload("b.jpg", encode(scene(2, 64, 64)))
        assert "no two of 2 pictures" in ReviewPanel(wb).board._content["empty"]


def test_the_address_brings_the_same_view_back(model, wb):
    model.set_filter(kinds=frozenset({"identical"}), text="b")
    model.set_order("size")
    again = ReviewModel(VisitorSession(wb))
    again.open(model.params)
    assert again.wanted == model.wanted
    assert (again.order, again.page) == ("size", 0)
    assert len(again.listed) == len(model.listed) == 1


filters = st.builds(
    QueueFilter,
    show=st.sampled_from(list(SHOWN)),
    kinds=st.frozensets(st.sampled_from(list(KINDS))),
    folder=st.sampled_from(["", "/a", "/a/b", "/c"]),
    user=st.sampled_from(["", "ann", "bob"]),
    camera=st.sampled_from(["", "X"]),
    text=st.sampled_from(["", "IMG", "beach"]),
    since=st.sampled_from([0, 2020]),
    until=st.sampled_from([0, 2021]),
    least_bytes=st.sampled_from([0, 1000]),
)


@given(filters)
def test_a_filter_survives_its_way_through_the_address(wanted):
    assert parse_filter(filter_params(wanted)) == wanted


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=6))
def test_nonsense_in_an_address_is_some_filter(params):
    assert isinstance(parse_filter(params), QueueFilter)


rows = st.fixed_dictionaries(
    {
        "files": st.integers(2, 9),
        "goes": st.integers(0, 8),
        "frees": st.integers(0, 5000),
        "least_score": st.floats(0, 1),
        "verdict": st.sampled_from(["", "later", "same", "different"]),
        "disputed": st.booleans(),
        "gained": st.booleans(),
        "kinds": st.frozensets(st.sampled_from(list(KINDS)), max_size=3),
        "folders": st.frozensets(st.sampled_from(["/a", "/a/b", "/ab", "/c"]), max_size=2),
        "users": st.frozensets(st.sampled_from(["ann", "bob"]), max_size=2),
        "cameras": st.frozensets(st.sampled_from(["X", "Y"]), max_size=1),
        "text": st.sampled_from(["/a/img_1.jpg", "/c/beach.jpg\n/a/x.jpg", ""]),
        "taken_at": st.sampled_from([None, "2019-05-01", "2020-06-01", "2022-01-01"]),
    }
)


def frame_of(found):
    frame = pd.DataFrame(found)
    frame["taken_at"] = pd.to_datetime(frame["taken_at"], utc=True)
    return frame


@given(st.lists(rows, min_size=1, max_size=12), filters, st.sampled_from(list(ORDERS)))
def test_selected_clusters_pass_the_filter_rules(found, wanted, order):
    clusters = frame_of(found)
    expected = {k for k, row in enumerate(found) if plainly_passes(row, wanted)}
    assert set(clusters.index[passes(clusters, wanted)]) == expected
    chosen = select(clusters, wanted, order)
    assert sorted(chosen) == sorted(expected)
    if order == "bytes":
        freed = [found[k]["frees"] for k in chosen]
        assert freed == sorted(freed, reverse=True)


def plainly_passes(row, wanted):
    shown = {
        "open": row["verdict"] == "" or row["disputed"],
        "later": row["verdict"] == "later",
        "decided": row["verdict"] in {"same", "different"},
        "disputed": row["disputed"],
        "all": True,
    }[wanted.show]
    year = int(row["taken_at"][:4]) if row["taken_at"] else None
    tests = [
        shown,
        not wanted.kinds or (row["kinds"] and row["kinds"] <= wanted.kinds),
        not wanted.folder
        or any(f == wanted.folder or f.startswith(wanted.folder + "/") for f in row["folders"]),
        not wanted.user or wanted.user in row["users"],
        not wanted.camera or wanted.camera in row["cameras"],
        wanted.text.casefold() in row["text"],
        not wanted.since or (year is not None and year >= wanted.since),
        not wanted.until or (year is not None and year <= wanted.until),
        row["frees"] >= wanted.least_bytes,
    ]
    return all(tests)


@given(st.lists(rows, min_size=1, max_size=12), filters)
def test_the_number_beside_a_kind_is_that_of_the_clusters_shown_with_it(found, wanted):
    clusters = frame_of(found)
    counts = kind_counts(clusters, wanted)
    of_any_kind = select(clusters, replace(wanted, kinds=frozenset()), "bytes")
    assert set(counts) == {kind for each in of_any_kind for kind in clusters["kinds"][each]}
    for kind, number in counts.items():
        with_it = replace(wanted, kinds=wanted.kinds | {kind})
        assert number == len(select(clusters, with_it, "bytes"))


def test_postponing_and_its_undo_leave_the_progress_unchanged(model):
    first, second = model.listed[:2]
    model.decide([first], "different")
    model.decide([second], "later")
    assert model.progress.done == 1
    model.undo()
    assert (model.progress.done, set(model.done)) == (1, {first})
    model.undo()
    assert (model.progress.done, set(model.done)) == (0, set())


@pytest.mark.long
def test_undo_of_an_earlier_sitting_restores_its_cluster(model, wb):
    model.remove_others(cluster_with(model, "a.jpg"))
    later = ReviewModel(VisitorSession(wb))
    later.load()
    assert "a.jpg" not in set(later.queue.files["filename"])
    later.undo()
    assert "a.jpg" in set(later.queue.files["filename"])
    assert not later.stale


def test_undo_focuses_the_restored_cluster(model, wb):
    cluster_id = cluster_with(model, "a.jpg")
    model.decide([cluster_id], "different")
    model.remove_others(cluster_with(model, "b.jpg"))
    model.undo()
    assert model.gone_to == (cluster_with(model, "b.jpg"), 1)
    later = ReviewModel(VisitorSession(wb))
    later.load()
    assert "a.jpg" not in set(later.queue.files["filename"])
    later.undo()  # a decision of the sitting before
    assert later.gone_to == (cluster_with(later, "a.jpg"), 1)
    assert later.gone_to[0] in later.on_page
    assert wb.decisions().empty
    later.undo()
    assert later.message == "There is nothing to undo."


@pytest.mark.long
def test_one_panel_is_one_sitting(model, wb, folder):
    before = contents(folder)
    model.decide([cluster_with(model, "a.jpg")], "different")
    model.remove_others(cluster_with(model, "b.jpg"))
    assert set(wb.decisions()["batch"]) | set(wb.journal()["batch"]) == {model.sitting}
    assert set(wb.undo(batch=model.sitting)["status"]) == {"undone"}
    assert contents(folder) == before
    assert wb.decisions().empty


@pytest.mark.long
def test_choosing_another_keeper_changes_the_labels(model, wb):
    cluster_id = cluster_with(model, "a.jpg")
    for file_id in model.queue.members(cluster_id)["file_id"].tolist()[::-1]:
        model.keep(file_id)
        members = model.queue.members(cluster_id)
        assert members["label"].iloc[0] == "kept"
        kept = int(members["image_id"].iloc[0])
        for row in members.iloc[1:].itertuples():
            assert row.label == wb.evidence(int(row.image_id), kept).label


@pytest.mark.long
def test_pictures_are_sent_once_whichever_file_is_kept(wb):
    panel = ReviewPanel(wb)
    sent = []
    panel.board.observe(lambda change: sent.append(change["new"]), "_pictures")
    before = panel.board._pictures
    assert before
    cluster_id = cluster_with(panel.model, "a.jpg")
    for file_id in panel.model.queue.members(cluster_id)["file_id"].tolist():
        panel.model.keep(file_id)
        for cluster in panel.board._content["clusters"]:
            for file in cluster["files"]:
                picture = before[file["offset"] : file["offset"] + file["length"]]
                assert picture == wb.thumbnail(file["image_id"])
    assert sent == []


def test_files_of_the_same_bytes_are_not_different_and_stay_to_be_decided(wb):
    panel = ReviewPanel(wb)
    model = panel.model
    exact = cluster_with(model, NASTY)
    shown = {each["cluster_id"]: each for each in panel.board._content["clusters"]}
    assert [shown[each]["same_bytes"] for each in model.listed] == [
        each == exact for each in model.listed
    ]
    panel._act("decide", {"cluster_id": exact, "verdict": "different"})
    assert model.done == {}
    said = panel.board.done[str(exact)]
    assert said["stays"]
    assert "same bytes" in said["text"]
    assert panel.board.bars["message"] == "", "it is said once"
    panel._act("remove_others", {"cluster_id": exact})
    assert not panel.board.done[str(exact)]["stays"]


@pytest.mark.parametrize("act", thinned(["decide", "remove_others", "confirm", "remove"], 2))
def test_a_cluster_whose_act_failed_stays_to_be_decided(wb, monkeypatch, act):
    panel = ReviewPanel(wb)
    model = panel.model
    cluster = cluster_with(model, "a.jpg")
    if act == "confirm":
        model.show_preview()

    def refuse(*_, **__):
        message = "the disk is full"
        raise ImgurerError(message)

    before = panel.board.bars["everything"]
    with monkeypatch.context() as patch:
        patch.setattr(model.session.workbench, "decide", refuse)
        patch.setattr(model.session.workbench, "apply", refuse)
        files = model.queue.members(cluster)["file_id"].tolist()
        panel._act(act, {"cluster_id": cluster, "verdict": "different", "file_ids": files})
    assert model.done == {}
    assert panel.board.bars["everything"] == before
    said = [each["text"] for each in panel.board.done.values()]
    said += [panel.board.bars["message"], panel.progress.failure]
    assert [each for each in said if each] == ["The disk is full."], "once"
    panel._act("remove_others", {"cluster_id": cluster})
    assert model.done[cluster].text.startswith("Kept 1, removed 2")
    assert not panel.board.done[str(cluster)]["stays"]


def test_undo_reverts_the_choice_of_the_kept_file(model):
    cluster = cluster_with(model, "a.jpg")
    rows = model.queue.members(cluster)
    for name in ("a small.jpg", "a again.png"):
        model.keep(int(rows.loc[rows["filename"] == name, "file_id"].iloc[0]))
    model.undo()
    assert model.queue.members(cluster)["filename"].iloc[0] == "a small.jpg"
    model.undo()
    now = model.queue.members(cluster)
    columns = ["filename", "keeper_id", "keeper_reason", "label"]
    assert now[columns].values.tolist() == rows[columns].values.tolist()
    assert model.history == ()
    model.show_preview()
    assert not any("pinned" in value or "you chose" in value for _, value in model.preview.facts)


def test_the_heading_of_a_cluster_has_the_words_of_its_files(model):
    cluster = cluster_with(model, "a.jpg")
    members = model.queue.members(cluster)
    labels = ["", "flipped", "rotated"]
    shown = review_cluster(members.assign(label=labels), {})
    assert shown.facts.startswith("flipped and rotated")


@pytest.mark.parametrize(("act", "opening"), pairs(["close", "remove_others"], ["compare", "look"]))
def test_a_view_that_opens_late_does_not_cover_a_later_act(wb, monkeypatch, opening, act):
    panel = ReviewPanel(wb)
    resized_copy = panel.model.queue.files.query("label == 'resized'").iloc[0]
    cluster = {"cluster_id": int(resized_copy["cluster_id"])}
    ended = []
    runner = panel.session.runner
    with monkeypatch.context() as patched:
        patched.setattr(runner, "run", lambda work, on_done: ended.append((work, on_done)))
        panel._act(opening, cluster | {"file_id": int(resized_copy["file_id"])})
    [late] = ended
    panel._act(act, cluster)
    runner.run(*late)
    assert not panel.comparison.widget.active
    assert panel.viewer.widget.position == -1
    assert not panel.comparison.job.busy
    assert not panel.viewer.job.busy
