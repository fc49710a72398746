"""What each command of ``imgurer`` does: one function each, from what was asked to exit status."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from imgurer_kernel.apps.cli.output import Terminal, read_password
from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.report.clusters import cluster_table, export, summary
from imgurer_kernel.settings import Settings
from imgurer_kernel.workbench.workbench import Workbench

DONE, FOUND_WRONG = 0, 1


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the command: what was asked, of which store, and where the answer goes."""

    asked: argparse.Namespace
    settings: Settings
    out: Terminal

    def workbench(self) -> Workbench:
        """The store that was named."""
        return Workbench(self.settings)


def ingest(call: Call) -> int:
    """Take pictures in."""
    with call.workbench() as wb:
        frame = wb.ingest(call.asked.paths, user=call.asked.user, progress=call.out.progress)
    return _taken_in(call, frame)


def _taken_in(call: Call, frame: pd.DataFrame) -> int:
    """Answer with what became of files: for people only those that were rejected, and figures."""
    rejected = frame[frame["status"] == "rejected"]
    if call.out.json:
        call.out.table(frame)
    for source, reason in zip(rejected["source"], rejected["reason"], strict=True):
        call.out.say(f"rejected {source}: {reason}")
    figures = frame["status"].value_counts()
    words = {"added": "added", "duplicate": "already here", "rejected": "rejected"}
    call.out.say(", ".join(f"{figures.get(key, 0):,} {word}" for key, word in words.items()))
    return FOUND_WRONG if len(rejected) else DONE


def similar(call: Call) -> int:
    """Find what is like a picture."""
    with call.workbench() as wb:
        frame = wb.similar(
            _query(call.asked.image),
            radius=call.asked.radius,
            limit=call.asked.limit,
            verify=not call.asked.no_verify,
        )
    columns = ("image_id", "distance", "orientation", "verdict", "filename", "width", "height")
    call.out.table(frame, {name: name.replace("_", " ") for name in columns})
    if frame.empty:
        call.out.say("nothing like it is in the store")
    return DONE


def _query(text: str) -> str | int:
    """A file, or the id of an image where there is no file of that name."""
    return int(text) if text.isdecimal() and not Path(text).exists() else text


def explain(call: Call) -> int:
    """Say why two pictures are duplicates, or are not."""
    with call.workbench() as wb:
        found = wb.explain(_query(call.asked.one), _query(call.asked.other))
    if call.asked.out:
        found.save(call.asked.out)
    if call.out.json:
        facts = asdict(found.evidence) | {"duplicate": found.duplicate, "words": found.words}
        call.out.table(pd.DataFrame([facts]).drop(columns=["first", "second"]))
    call.out.say(found.words)
    return DONE


def calibrate(call: Call) -> int:
    """Measure how well copies of this store's own pictures are found."""
    with call.workbench() as wb:
        found = wb.calibrate(call.asked.sample, call.asked.seed, progress=call.out.progress)
    if call.out.json:
        call.out.table(found.frame)
        return DONE
    call.out.table(found.summary.reset_index())
    for line in (found.recommendation, *found.notes):
        call.out.say(line)
    return DONE


def clusters(call: Call) -> int:
    """List clusters of duplicates."""
    with call.workbench() as wb:
        frame = _clusters(call, wb)
    if call.out.json:
        call.out.table(frame)
        return DONE
    table = cluster_table(frame).reset_index()
    table["frees"] = [human_bytes(int(extra)) for extra in table["frees"]]
    call.out.table(table)
    call.out.say(f"found by {frame.attrs['plan']}")
    call.out.say(_gain(frame))
    return DONE


def _clusters(call: Call, wb: Workbench) -> pd.DataFrame:
    return wb.clusters(
        radius=call.asked.radius,
        verify=not call.asked.no_verify,
        thorough=call.asked.thorough,
        progress=call.out.progress,
    )


def _gain(frame: pd.DataFrame) -> str:
    """What clusters come to, in words."""
    figures = summary(frame)
    return (
        f"{count(figures['clusters'], 'cluster')}, "
        f"{count(figures['extra copies'], 'extra copy', 'extra copies')}, "
        f"{human_bytes(figures['bytes to be freed'])} could be freed"
    )


def report(call: Call) -> int:
    """Write the clusters to a file."""
    with call.workbench() as wb:
        frame = _clusters(call, wb)
        path = export(frame, call.asked.out, thumbnail=wb.thumbnail)
    if call.out.json:
        figures = {str(name).replace(" ", "_"): value for name, value in summary(frame).items()}
        call.out.table(pd.DataFrame([{"written": str(path), **figures}]))
    call.out.say(f"{path}: {_gain(frame)}")
    return DONE


def users_list(call: Call) -> int:
    """List accounts."""
    with call.workbench() as wb:
        call.out.table(wb.users())
    return DONE


def users_add(call: Call) -> int:
    """Make an account."""
    with call.workbench() as wb:
        password = read_password(from_stdin=call.asked.password_stdin)
        account = wb.accounts.create(call.asked.name, password, role=call.asked.role)
        return _account(call, wb, f"can log in now, as {account.role}")


def users_passwd(call: Call) -> int:
    """Change a password."""
    with call.workbench() as wb:
        name = wb.accounts.get(call.asked.name).name
        wb.accounts.set_password(name, read_password(from_stdin=call.asked.password_stdin))
        return _account(call, wb, "has another password now; sessions under the old one are over")


def users_disable(call: Call) -> int:
    """Lock an account."""
    with call.workbench() as wb:
        wb.accounts.disable(call.asked.name)
        return _account(call, wb, "cannot log in any more; all pictures stay")


def users_enable(call: Call) -> int:
    """Unlock an account."""
    with call.workbench() as wb:
        wb.accounts.enable(call.asked.name)
        return _account(call, wb, "can log in again")


def _account(call: Call, wb: Workbench, words: str) -> int:
    """Answer with an account as it is now."""
    name = wb.accounts.get(call.asked.name).name
    if call.out.json:
        users = wb.users()
        call.out.table(users[users["name"] == name])
    call.out.say(f"{name} {words}")
    return DONE


def check(call: Call) -> int:
    """Compare originals, thumbnails and catalog."""
    with call.workbench() as wb:
        frame = wb.check(repair=call.asked.repair, progress=call.out.progress)
        checked = wb.statistics().images
    if call.out.json:
        call.out.table(frame)
    for problem, detail, repaired in zip(
        frame["problem"], frame["detail"], frame["repaired"], strict=True
    ):
        call.out.say(f"{problem}: {detail}{' (repaired)' if repaired else ''}")
    wrong = int((~frame["repaired"]).sum())
    call.out.say(
        f"{count(checked, 'original')} checked, {count(len(frame), 'finding')}, "
        f"{wrong:,} not repaired"
    )
    return FOUND_WRONG if wrong else DONE


def rebuild_index(call: Call) -> int:
    """Build the search index anew."""
    with call.workbench() as wb:
        images = wb.rebuild_index()
    if call.out.json:
        call.out.table(pd.DataFrame({"images": [images]}))
    call.out.say(f"the index is built anew, with {count(images, 'image')}")
    return DONE


def export_store(call: Call) -> int:
    """Write originals and holdings to a tar file."""
    from imgurer_kernel.workbench import archive

    with call.workbench() as wb:
        originals = archive.export_store(wb, call.asked.out, progress=call.out.progress)
    if call.out.json:
        call.out.table(pd.DataFrame({"written": [call.asked.out], "originals": [originals]}))
    call.out.say(f"{call.asked.out}: {count(originals, 'original')}")
    return DONE


def import_store(call: Call) -> int:
    """Take in what export wrote."""
    from imgurer_kernel.workbench import archive

    with call.workbench() as wb:
        frame = archive.import_store(wb, call.asked.archive, progress=call.out.progress)
    return _taken_in(call, frame)


def serve(call: Call) -> int:
    """Serve the dashboard."""
    from imgurer_kernel.apps.server import serve as serve_dashboard

    if call.asked.samples:
        _take_samples_in(call)
    serve_dashboard(
        call.settings,
        host=call.asked.host,
        port=call.asked.port,
        login=call.asked.login,
        open_browser=not call.asked.no_browser,
    )
    return DONE


def _take_samples_in(call: Call) -> None:
    """Draw the sample pictures and put them into a store that is empty."""
    from imgurer_kernel.report.evaluation.samples import make_samples

    with call.workbench() as wb:
        if wb.statistics().images:
            return
        call.out.say("The store is empty: drawing sample pictures for a start")
        truth = make_samples(call.asked.samples)
        frame = wb.ingest(truth["path"].tolist(), progress=call.out.progress)
        call.out.say(f"{(frame['status'] == 'added').sum()} sample pictures are in the store")
