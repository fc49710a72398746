"""The interrupted operations: the store that each begins with, and what must hold after.

An operation acknowledges what it has done, word by word; what was acknowledged must be there after
a kill or a failing disk. Done once more to its end, it must lead to where it leads undisturbed.
"""

import pandas as pd

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.store.catalog import Catalog, schema
from imgurer_kernel.store.maintenance.archive_export import export_store
from imgurer_kernel.store.maintenance.archive_import import import_store
from imgurer_kernel.store.maintenance.recover import recover_store
from tests.support.pictures import jpeg

SMALL = {"width": 96, "height": 72}
OTHER = "other.jpg"
"""What the other writer ingests and forgets."""


def settings(base):
    return Settings(root=base / "store", workers=1)


def open_store(base):
    return Workbench(settings(base))


def fill(base):
    """A store of four pictures, one of them in two files, in a folder of its own."""
    folder = base / "in"
    folder.mkdir(parents=True)
    (base / "goal").mkdir()
    for number, seed in enumerate((0, 1, 2, 0)):
        (folder / f"{number}.jpg").write_bytes(jpeg(seed, **SMALL))
    with open_store(base) as wb:
        wb.ingest(folder, store="reference", progress=False)
        for seed in (10, 11):
            wb.upload(f"{seed}.jpg", jpeg(seed, **SMALL))


def fill_beside(base):
    """With pictures that are not ingested yet."""
    fill(base)
    (base / "new").mkdir()
    for seed in range(20, 23):
        (base / "new" / f"{seed}.jpg").write_bytes(jpeg(seed, **SMALL))


def _ingest(base, tell):
    with open_store(base) as wb:
        for outcome in wb.ingest(base / "new", progress=False)["digest"]:
            tell(f"image {outcome}")


def _upload(base, tell):
    with open_store(base) as wb:
        for seed in (30, 31):
            row = wb.upload(f"{seed}.jpg", jpeg(seed, **SMALL)).iloc[0]
            tell(f"image {row['digest']}")


def _plan(wb, act):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    if "3.jpg" not in ids:
        return None
    plan = {"file_id": [ids["3.jpg"]], "act": [act], "keeper_id": [ids["0.jpg"]]}
    return pd.DataFrame(plan)


def _act(act):
    def work(base, tell):
        with open_store(base) as wb:
            goal = base / "goal"
            plan = _plan(wb, act)
            if plan is not None and not _is_done(wb):
                done = wb.apply(plan, to=goal if act == "move" else None, progress=False)
                assert done["status"].tolist() == ["done"], done.to_csv()
            tell("act")

    return work


def _is_done(wb):
    journal = wb.journal()
    return bool(len(journal)) and "done" in set(journal["state"])


def _undo(base, tell):
    with open_store(base) as wb:
        if _is_done(wb):
            assert set(wb.undo()["status"]) == {"undone"}
        tell("undone")


def fill_acted(base):
    fill(base)
    _act("trash")(base, lambda _: None)


def _forget(base, tell):
    with open_store(base) as wb:
        for row in wb.files().itertuples():
            if row.filename in {"10.jpg", "0.jpg"}:
                wb.forget(file_id=row.file_id)
                tell(f"forgotten {row.filename}")


def fill_forgotten(base):
    fill(base)
    _forget(base, lambda _: None)


def _restore(base, tell):
    with open_store(base) as wb:
        wb.trash.restore()
        tell("restored")


def _empty(base, tell):
    with open_store(base) as wb:
        wb.trash.empty("0s")
        tell("emptied")


def fill_old(base):
    """The catalog as a version before the last migration would have left it."""
    folder = base / "store"
    folder.mkdir(parents=True)
    real = schema.migrations
    schema.migrations = lambda: real()[:1]
    try:
        with Catalog(folder) as catalog, catalog.transaction() as connection:
            catalog.takes_snapshots = False
            connection.execute(
                "INSERT INTO users VALUES ('ann', 'member', NULL, true, now(), NULL)"
            )
    finally:
        schema.migrations = real


def _migrate(base, tell):
    with open_store(base) as wb:
        assert wb.accounts.get("ann").role == "member"
        tell("user")


def fill_outdated(base):
    fill(base)
    with open_store(base) as wb, wb.catalog.transaction() as connection:
        connection.execute("UPDATE images SET algorithm = 'old'")


def _renew(base, tell):
    with open_store(base) as wb:
        wb.similar(1)
        tell("renewed")


def _export(base, tell):
    with open_store(base) as wb:
        for name in ("out.tar", "out"):
            export_store(wb.store, base / name, progress=False, backup=True)
            tell(f"exported {name}")


def fill_backup(base):
    fill_forgotten(base)
    _export(base, lambda _: None)
    (base / "store").rename(base / "before")


def _import(base, tell):
    with open_store(base) as wb:
        import_store(wb.store, base / "out.tar", progress=False)
        tell("imported")


def _decide(base, tell):
    with open_store(base) as wb:
        wb.decide((1, 2), "different")
        tell("decided")


def fill_damaged(base):
    fill(base)
    _decide(base, lambda _: None)
    path = base / "store" / "catalog.duckdb"
    path.write_bytes(b"\0" * 8192 + path.read_bytes()[8192:])


def _recover(base, tell):
    recover_store(settings(base), progress=False)
    tell("recovered")


OPERATIONS = {
    "ingest": (fill_beside, _ingest),
    "upload": (fill, _upload),
    "decide": (fill, _decide),
    "trash": (fill, _act("trash")),
    "move": (fill, _act("move")),
    "link": (fill, _act("link")),
    "undo": (fill_acted, _undo),
    "forget": (fill, _forget),
    "restore": (fill_forgotten, _restore),
    "empty trash": (fill_forgotten, _empty),
    "migration": (fill_old, _migrate),
    "renewal": (fill_outdated, _renew),
    "export": (fill, _export),
    "import": (fill_backup, _import),
    "recover": (fill_damaged, _recover),
}
"""By name: what fills the store, and what is done to it."""


def check(base, said, expected=()):
    """List the problems of a store after an interruption, in words.

    Parameters
    ----------
    expected
        Findings that are none: what is half done, and goes on.
    """
    problems = []
    with open_store(base) as wb:
        found = wb.check(progress=False)
        problems += [
            f"check: {row.problem}: {row.detail}"
            for row in found.itertuples()
            if row.problem not in expected
        ]
        digests = set(wb.images()["digest"])
        trashed = set(wb.trash.list()["filename"])
        for words in said:
            kind, _, what = words.partition(" ")
            if kind == "image" and what not in digests:
                problems.append(f"acknowledged and lost: {what}")
            if kind == "forgotten" and what not in trashed:
                problems.append(f"forgotten and not in the trash: {what}")
    return problems


def outcome(base):
    """The state that must be equal with and without interruptions."""
    with open_store(base) as wb:
        files = wb.files()
        files = files.loc[files["filename"] != OTHER, ["user", "filename", "state", "image_id"]]
        present = set(files.pop("image_id"))
        files = files.sort_values(["user", "filename", "state"])
        images = wb.images()
        images = sorted(images.loc[images["image_id"].isin(present), "digest"])
        trash = sorted(set(wb.trash.list()["filename"]) - {OTHER})
        # An act that was rolled back stays in the journal.
        states = sorted(set(wb.journal()["state"]) - {"rolled back"}) if len(wb.journal()) else []
    disk = sorted(
        (path.relative_to(base).as_posix(), path.read_bytes())
        for area in ("in", "new", "goal")
        for path in (base / area).rglob("*")
        if path.is_file() and ".imgurer" not in path.as_posix()
    )
    return files.to_csv(index=False), images, trash, states, disk
