"""Which file is kept and why: each of the standard rules, and users' own rules."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.original import OriginalFacts, measure_original
from imgurer_kernel.review import policy
from imgurer_kernel.review.policy import (
    STANDARD,
    Rule,
    choose,
    folder_order,
    keeper_rows,
    policy_of,
)
from imgurer_kernel.review.view import VIEW
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.store.catalog.expressions import evaluate
from tests.cases.reading import FOLDER, read_index
from tests.support.forms import rounds, thinned
from tests.support.pictures import encode, scene

BEST = {
    "is_link": False, "is_linked": True,
    "damaged": False, "is_gray": False, "frames": 2, "is_thumbnail": False, "is_upscale": False,
    "is_heavy": False, "is_framed": False, "is_marked": False, "is_resaved": False,
    "has_few_colours": False, "is_made_with_loss": False, "attached": 1, "written": 2, "beside": 1,
    "camera_facts": 3, "is_camera_format": True, "shown_pixels": 100, "metadata": 9,
    "quality": 95.0, "saved_quality": 95.0,
    "is_reference": True, "modified_at": pd.Timestamp("2020-01-01", tz="UTC"),
    "has_copy_name": False, "in_copy_folder": False,
    "taken_in": pd.Timestamp("2020-01-01", tz="UTC"), "place": "/a",
}  # fmt: skip
WORSE = {
    "is_link": True, "is_linked": False,
    "damaged": True, "is_gray": True, "frames": 1, "is_thumbnail": True, "is_upscale": True,
    "is_heavy": True, "is_framed": True, "is_marked": True, "is_resaved": True,
    "has_few_colours": True, "is_made_with_loss": True, "attached": 0, "written": 1, "beside": 0,
    "camera_facts": 1, "is_camera_format": False, "shown_pixels": 99, "metadata": 8,
    "quality": np.nan, "saved_quality": np.nan,
    "is_reference": False, "modified_at": pd.NaT, "has_copy_name": True,
    "in_copy_folder": True,
    "taken_in": pd.Timestamp("2021-01-01", tz="UTC"), "place": "/b",
}  # fmt: skip


def view(*rows, **more):
    frame = pd.DataFrame([{**BEST, "state": "present", "cluster_id": 0, **row} for row in rows])
    return frame.assign(file_id=range(1, len(rows) + 1), path=frame["place"], **more)


@pytest.mark.parametrize("column", list(WORSE))
def test_each_rule_decides_where_those_before_it_cannot(column):
    """A file that is worse by one rule and better by all later rules."""
    order = [rule.value for rule in STANDARD.rules]
    after = {name: WORSE[name] for name in order[order.index(column) + 1 :] if name in WORSE}
    other = {**WORSE, **{name: BEST[name] for name in order[: order.index(column)] if name in BEST}}
    other |= {name: BEST[name] for name in after}
    chosen = choose(view(after, other))
    assert chosen["keeper_id"].tolist() == [1, 1]
    rule = STANDARD.rules[order.index(column)]
    assert set(chosen["keeper_rule"]) == {rule.name}
    assert chosen["keeper_reason"].tolist() == [
        f"kept: {rule.kept}",
        f"{rule.other}; kept: {rule.kept}",
    ]
    # The order of rows and clusters has no influence.
    turned = choose(view(other, after))
    assert turned["keeper_id"].tolist() == [2, 2]


def test_missing_files_are_kept_only_if_no_file_is_present_and_pins_come_first():
    assert set(choose(view({"state": "missing"}, WORSE))["keeper_id"]) == {2}
    assert set(choose(view({"state": "missing"}, {"state": "missing"}))["keeper_id"]) == {1}
    assert set(choose(view({}, WORSE), pinned=[2])["keeper_id"]) == {2}
    assert choose(view({}).iloc[:0]).empty
    three = choose(view({"is_gray": True}, {"place": "/0"}, {"shown_pixels": 9}))
    assert three["keeper_reason"].tolist() == [
        "gray; kept: in colour",
        "kept: in colour, most pixels",
        "fewer pixels; kept: most pixels",
    ]
    two = view({"cluster_id": 5}, {"cluster_id": 7}, {**WORSE, "cluster_id": 5})
    assert choose(two)["keeper_id"].tolist() == [1, 2, 1]
    assert choose(two)["keeper_reason"].iloc[1] == "kept: first", "alone, by the last rule"
    assert keeper_rows(two).tolist() == [0, 1, 0]


def test_of_equal_files_the_one_in_a_backup_goes(new_store, tmp_path):
    folders = [tmp_path / "in" / name for name in ("Backup/old disk", "Camera/2021", "Downloads")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(encode(scene(1, 160, 120)))
        os.utime(folder / "a.jpg", (1_600_000_000,) * 2)
    wb = new_store()
    wb.ingest(tmp_path / "in", store="reference", progress=False)
    for frame in (wb.queue(progress=False), wb.clusters(progress=False)):
        assert frame.loc[frame["is_keeper"], "path"].tolist() == [str(folders[1] / "a.jpg")]


def test_a_later_rule_ranks_only_what_earlier_ones_have_left(monkeypatch):
    ranked = []
    before = policy._ranks
    monkeypatch.setattr(
        policy, "_ranks", lambda values, order: ranked.append(len(values)) or before(values, order)
    )
    files = [{"cluster_id": k // 3, "is_gray": k % 3 > 0, "shown_pixels": k} for k in range(9)]
    keeper_rows(view(*files, {"cluster_id": 3}, {"cluster_id": 3}))
    assert ranked[0] == 11, "colour; present, no link and intact are all"
    assert ranked[1:]
    assert set(ranked[1:]) == {2}
    with pytest.raises(QueryError):  # where nothing is left to decide, too
        choose(view({}, {"state": "missing"}), policy_of("nothing"))


@pytest.mark.parametrize("seed", rounds(range(4), range(60)))
def test_keepers_are_those_that_one_rule_after_the_other_leaves(seed):
    random = np.random.default_rng(seed)
    n, names = 24, [name for name in WORSE if random.random() < 0.3]
    rows = [
        {name: (BEST if random.random() < 0.7 else WORSE)[name] for name in names}
        | {"cluster_id": int(random.integers(0, 7)), "place": f"/{random.integers(0, 3)}"}
        for _ in range(n)
    ]
    frame = view(*rows)
    expected = np.empty(n, np.int64)
    for cluster in set(frame["cluster_id"]):
        left = of_cluster = np.flatnonzero(frame["cluster_id"] == cluster).tolist()
        for rule in STANDARD.rules:
            values = rule.values(frame)
            known = [values[k] for k in left if pd.notna(values[k])]
            best = (max if rule.order == "most" else min)(known, default=None)
            left = [k for k in left if values[k] == best] if known else left
        expected[of_cluster] = left[0]
    assert keeper_rows(frame).tolist() == expected.tolist()


def test_rules_of_ones_own():
    files = view({"place": "/x/a"}, {"place": "/keep/b"}, {"place": "/keep2/c"}, bytes=[3, 9, 7])
    assert set(choose(files, folder_order(["/keep", "/x"]))["keeper_id"]) == {2}
    assert set(choose(files, folder_order(["/nowhere"]))["keeper_id"]) == {2}
    assert set(choose(files, policy_of("bytes"))["keeper_id"]) == {2}
    assert set(choose(files, policy_of("-bytes"))["keeper_id"]) == {1}
    assert set(choose(files, policy_of(lambda frame: frame["bytes"] == 7))["keeper_id"]) == {3}
    assert policy_of(STANDARD) is policy_of("standard") is STANDARD
    own = STANDARD.after(Rule("size", "bytes", "least", "small", "large"))
    assert choose(files, own)["keeper_reason"].tolist()[1] == "large; kept: small"
    for wrong in (None, 3, "", " "):
        with pytest.raises(QueryError):
            policy_of(wrong)
    with pytest.raises(QueryError, match="2 values for 3 files"):
        choose(files, policy_of(lambda _: [1, 2]))


@pytest.mark.parametrize(
    "expression",
    [
        "nothing", "bytes +", "1) FROM files; DROP TABLE files; SELECT (1", "1; SELECT 2",
        "(SELECT content FROM read_text('/etc/passwd'))", "1, 2", "bytes) AS x, (bytes",
        "(SELECT bytes FROM files)", "sum(bytes)", "1 -- ) AS v", "unnest([1, 2])",
        "bytes) FROM files UNION ALL SELECT 1, (2",
    ],
)  # fmt: skip
def test_expressions_can_read_the_columns_only(expression):
    frame = pd.DataFrame({"bytes": [1, 2, 3]})
    try:
        found = evaluate(frame, expression)
    except QueryError:
        return
    # A remark behind a value is no harm.
    assert found.tolist() == [1, 1, 1]
    assert expression.startswith("1 --")


def test_the_view_has_what_it_says(new_store):
    wb = new_store()
    wb.upload("large.jpg", encode(scene(3, 320, 240)))
    wb.upload("small.jpg", encode(scene(3, 160, 120)))
    queue = wb.queue(progress=False)
    assert set(VIEW) <= set(queue)
    assert queue.loc[queue["is_keeper"], "filename"].tolist() == ["large.jpg"]
    assert (
        queue.loc[~queue["is_keeper"], "frees_store"].tolist()
        == queue.loc[~queue["is_keeper"], "bytes"].tolist()
    )
    assert (queue["file_id"] == queue["keeper_id"]).tolist() == queue["is_keeper"].tolist()
    small = int(queue.loc[~queue["is_keeper"], "file_id"].iloc[0])
    pinned = wb.queue(pinned=[small], progress=False)
    assert pinned.loc[pinned["is_keeper"], "filename"].tolist() == ["small.jpg"]
    assert pinned["frees_store"].sum() == pinned.loc[~pinned["is_keeper"], "bytes"].sum()
    preview = wb.preview(progress=False)
    assert preview["rule"].tolist() == ["pixels"]
    beside = {"along": [], "left": [], "facts": []}
    totals = {"clusters": 1, "files": 1, "bytes": int(queue["bytes"].min())}
    assert preview.attrs == {**totals, **beside}
    assert wb.preview(where="width > 999", progress=False).empty
    assert wb.plan(where="width < 200", progress=False)["filename"].tolist() == ["small.jpg"]
    with pytest.raises(QueryError):
        wb.plan(where="nonsense here", progress=False)
    assert wb.queue(queue, progress=False).equals(queue)
    assert wb.plan(queue, progress=False).equals(wb.plan(progress=False))
    with pytest.raises(QueryError, match="by image"):
        wb.plan(wb.clusters(by="image", progress=False), progress=False)
    with wb.catalog.transaction() as connection:
        connection.execute("UPDATE images SET damage = 'it ends early' WHERE width = 320")
    queue = wb.queue(progress=False)
    assert sorted(queue["damaged"]) == [False, True]
    assert queue.loc[queue["is_keeper"], "filename"].tolist() == ["small.jpg"]


# Measuring ----------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", thinned([2, 1.5, 4], 3))
def test_an_enlargement_is_not_kept(new_store, factor):
    wb = new_store()
    picture = Image.fromarray(scene(1, 400, 300))
    size = int(400 * factor), int(300 * factor)
    large = picture.resize(size, Image.Resampling.BICUBIC)
    half = picture.resize((200, 150), Image.Resampling.LANCZOS)
    for name, each in (("a-large", large), ("b-true", picture), ("c-half", half)):
        wb.upload(f"{name}.jpg", encode(each, quality=85))
    queue = wb.queue(progress=False).set_index("filename")
    assert queue["is_upscale"].to_dict() == {
        "a-large.jpg": True, "b-true.jpg": False, "c-half.jpg": False,
    }  # fmt: skip
    assert queue.index[queue["is_keeper"]].tolist() == ["b-true.jpg"]


def test_compression_colour_and_metadata():
    picture = scene(2, 200, 150)
    for quality in (40, 75, 95):
        found = measure_original(encode(picture, quality=quality))
        assert abs(found.quality - quality) <= 3
    assert measure_original(encode(picture, "PNG")).quality == 100
    assert measure_original(encode(picture, "WEBP")).quality is None
    assert not measure_original(encode(picture)).is_gray
    assert measure_original(encode(picture.mean(axis=2).astype(np.uint8))).is_gray
    exif = Image.Exif()
    exif[0x0110] = "camera"
    assert measure_original(encode(picture, exif=exif)).metadata == 1
    packet = b'<x:xmpmeta xmp:Rating="4"><dc:subject><rdf:li>dog</rdf:li></dc:subject></x:xmpmeta>'
    rated = measure_original(encode(picture, xmp=packet))
    assert (rated.rating, rated.keywords, rated.metadata) == (4, ("dog",), 2)
    assert OriginalFacts.from_dict({**rated.as_dict(), "later": 1}) == rated


@pytest.mark.long
def test_writing_is_found_beside_the_same_picture_without(new_store):
    wb = new_store()
    plain = Image.fromarray(scene(6, 320, 240))
    written = plain.copy()
    draw = ImageDraw.Draw(written)
    for row in (205, 220):
        draw.text((10, row), "SAMPLE SAMPLE SAMPLE SAMPLE SAMPLE SAMPLE", fill=(220, 220, 220))
    wb.upload("a-written.jpg", encode(written, quality=92))
    wb.upload("b-plain.jpg", encode(plain, quality=80))
    wb.upload("c-soft.jpg", encode(plain.resize((300, 225)).resize((320, 240)), quality=85))
    queue = wb.queue(progress=False).set_index("filename")
    assert queue["is_marked"].to_dict() == {
        "a-written.jpg": True, "b-plain.jpg": False, "c-soft.jpg": False,
    }  # fmt: skip
    assert queue.loc[queue["is_keeper"]].index[0] != "a-written.jpg"


def test_clusters_agree_with_the_queue_once_that_was_looked_at(new_store):
    wb = new_store()
    large = scene(3, 320, 240)
    wb.upload("gray.jpg", encode(large.mean(axis=2).astype(np.uint8)))
    wb.upload("colour.jpg", encode(scene(3, 300, 225)))
    before = wb.clusters(progress=False)
    assert before.loc[before["is_keeper"], "filename"].tolist() == ["colour.jpg"]
    # As it was before versions of the catalog that know of colour.
    wb.catalog.run(lambda connection: connection.execute("UPDATE images SET is_gray = NULL"))
    assert wb.catalog.run(queries.images)["is_gray"].isna().all()
    unknown = wb.last_clusters()
    assert unknown.loc[unknown["is_keeper"], "filename"].tolist() == ["gray.jpg"]
    assert wb.clusters(progress=False).equals(before), "thumbnails tell, and it is remembered"
    assert wb.catalog.run(queries.images)["is_gray"].tolist() == [True, False]
    queue = wb.queue(progress=False)
    assert queue.loc[queue["is_keeper"], "keeper_rule"].tolist() == ["colour"]
    after = wb.clusters(progress=False)
    for found in (after, wb.last_clusters()):
        assert found.loc[found["is_keeper"], "filename"].tolist() == ["colour.jpg"]
        assert found["frees_store"].sum() == found.loc[~found["is_keeper"], "bytes"].sum()
        assert found.dtypes.equals(before.dtypes)
    assert after.attrs == before.attrs
    assert list(after) == list(before)


@pytest.mark.long
def test_measures_are_stored(new_store, monkeypatch):
    wb = new_store()
    wb.upload("large.jpg", encode(scene(3, 320, 240)))
    wb.upload("small.jpg", encode(scene(3, 160, 120)))
    assert set(wb.queue(measure=False, progress=False)["metadata"]) == {0}
    first = wb.queue(progress=False)
    monkeypatch.setattr("imgurer_kernel.review.measure.measure_original", None)
    assert wb.queue(progress=False).equals(first)


CASES = [
    "01",
    "11",
    "12",
    "13",
    "15",
    "16",
    "16b",
    "24",
    "25",
    "26",
    "26b",
    "28",
    "29c",
    "37",
    "38",
]


@pytest.mark.skipif(not (FOLDER / "index.csv").exists(), reason=f"there is no {FOLDER}")
@pytest.mark.parametrize("number", CASES)
def test_the_right_one_of_each_case(number, tmp_path):
    from imgurer_kernel import Settings, Workbench

    [case] = [case for name, case in read_index().items() if name.partition("_")[0] == number]
    folder = FOLDER / case.name
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        wb.ingest(folder, progress=False)
        queue = wb.queue(progress=False)
    names = queue["path"].str.removeprefix(f"{folder}/")
    kept = set(names[queue["is_keeper"]])
    wanted = {"b_gps.jpg"} if number == "37" else case.kept & set(names)
    assert wanted <= kept
    assert wanted


@pytest.mark.long
def test_an_original_is_not_marked_by_what_its_copies_have_lost(new_store):
    wb = new_store()
    full = Image.fromarray(scene(6, 640, 480))
    wb.upload("original.jpg", encode(full, quality=92))
    for share in (0.5, 0.7):
        size = (round(640 * share), round(480 * share))
        wb.upload(f"small-{share}.jpg", encode(full.resize(size), quality=85))
    captioned = full.copy()
    ImageDraw.Draw(captioned).rectangle((0, 430, 640, 480), fill=(0, 0, 0))
    wb.upload("caption.jpg", encode(captioned, quality=95))
    queue = wb.queue(progress=False).set_index("filename")
    assert set(queue.index) == {"original.jpg", "small-0.5.jpg", "small-0.7.jpg", "caption.jpg"}
    assert not queue.loc["original.jpg", "is_marked"]
    assert queue.index[queue["is_keeper"]].tolist() == ["original.jpg"]
