"""Commands that decide about duplicates and act on them: ``imgurer review ...``."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imgurer_kernel.apps.cli.command import (
    EXIT_DONE,
    EXIT_PROBLEMS,
    EXIT_USAGE,
    GROUPS,
    Call,
    argument,
    command,
    either_or,
    noted,
    number,
)
from imgurer_kernel.apps.cli.file_filters import require_known_folders
from imgurer_kernel.apps.cli.output import write_error
from imgurer_kernel.common.text import count, human_bytes, join_words
from imgurer_kernel.errors import QueryError
from imgurer_kernel.review.acts import ACTS
from imgurer_kernel.review.beside import names_beside
from imgurer_kernel.review.decisions import VERDICTS
from imgurer_kernel.review.plan import read_plan, require_replaceable, rows_of_plan, write_plan
from imgurer_kernel.review.policy import KeeperPolicy, folder_order
from imgurer_kernel.review.script import moved_by_script, write_script
from imgurer_kernel.review.sidecar import facts_text
from imgurer_kernel.workbench.workbench import Workbench

GROUPS["review"] = "Decide about duplicates, remove them, and undo."

_USER = argument("--user", help="acting user (default: the local user)")
_REFERENCE = argument(
    "--reference", action="append", default=[], metavar="FOLDER", help="leave its files alone"
)
_NAMED = 10
"""Most names that a line or a reason has."""

_TOGETHER = 3
"""Most files of which each has a line of its own, though all have one reason."""

_JOURNAL = {
    "entry_id": "entry",
    "batch": "sitting",
    "user": "user",
    "act": "act",
    "state": "state",
    "begun_at": "at",
    "path": "path",
    "reason": "reason",
}


@command(
    "review plan",
    either_or(
        argument(
            "--policy",
            default="standard",
            help="standard, or an SQL expression; the largest is kept",
        ),
        argument(
            "--folders", nargs="+", metavar="FOLDER", help="prefer files in the first of these"
        ),
    ),
    argument("--where", metavar="SQL", help="only files that match this condition"),
    argument(
        "--act", choices=["auto", *ACTS], default="auto", help="what to do with the other files"
    ),
    argument("--out", type=Path, metavar="FILE", help=".csv, or .sh for a script; else a preview"),
    _REFERENCE,
)
def plan_review(call: Call) -> int:
    """List what would be removed, and why; write it as a plan."""
    arguments = call.arguments
    if arguments.out is not None:
        _require_plan_name(arguments.out)
    policy: KeeperPolicy | str = (
        folder_order(arguments.folders) if arguments.folders else arguments.policy
    )
    options = {"where": arguments.where, "reference": arguments.reference}
    progress = call.out.progress
    with noted(call.workbench()) as wb:
        require_known_folders(wb, arguments.reference)
        if arguments.out is None:
            frame = wb.preview(policy, **options, progress=progress)
            call.out.write_table(frame)
            call.out.write_line(_totals(frame.attrs["files"], frame.attrs["bytes"]))
            _write_beside(call, frame.attrs["along"], frame.attrs["left"])
            _write_facts(call, frame.attrs["facts"])
            return EXIT_DONE
        plan = wb.plan(policy=policy, act=arguments.act, **options, progress=progress)
        if arguments.out.suffix == ".sh":
            return _write_script(call, wb, plan)
        path = write_plan(plan, arguments.out)
        facts = wb.sidecars(plan)["fact"].tolist()
    if call.out.json:
        call.out.write_table(plan)
    call.out.write_line(f"{path}: {_totals(len(plan), int(plan['bytes'].sum()))}")
    _write_beside(call, *names_beside(plan))
    _write_facts(call, facts)
    return EXIT_DONE


def _write_script(call: Call, wb: Workbench, plan: pd.DataFrame) -> int:
    """Write a plan as a script, and report the rows that it leaves out."""
    reference = call.arguments.reference
    checked = wb.apply(plan, dry_run="quick", reference=reference, progress=call.out.progress)
    refused = checked[checked["status"] == "refused"]
    acts = wb.acts_of(plan[~plan["file_id"].isin(refused["file_id"])], reference=reference)
    path = write_script(acts, call.arguments.out)
    moved = [act.file.file_id for act in moved_by_script(acts)]
    written = plan[plan["file_id"].isin(moved)]
    call.out.write_table(written) if call.out.json else _write_refused(call, refused)
    call.out.write_line(f"{path}: {_totals(len(written), int(written['bytes'].sum()))}")
    _write_beside(call, *names_beside(checked[checked["file_id"].isin(moved)]))
    others = len(acts) - len(moved)
    if others:
        call.out.write_line(
            f"{count(others, 'file')} left out, in the store or to be linked: a script only moves "
            "files on disk; write a .csv, and `imgurer review apply` does all of it"
        )
    return EXIT_PROBLEMS if len(refused) else EXIT_DONE


@command(
    "review apply",
    argument("plan", type=Path, metavar="PLAN", help="CSV, as `review plan` writes it"),
    argument("--dry-run", action="store_true", help="only report what would be done"),
    argument("--to", metavar="FOLDER", help="where the act move moves files to"),
    argument(
        "--sidecars",
        action="store_true",
        help="write what only removed copies knew (caption, keywords, ...) beside the kept file",
    ),
    _REFERENCE,
    _USER,
)
def apply_review(call: Call) -> int:
    """Apply a plan; each row is checked again first."""
    arguments = call.arguments
    written: pd.DataFrame | None = None
    with noted(call.workbench()) as wb:
        require_known_folders(wb, arguments.reference)
        plan = read_plan(arguments.plan)
        offered = wb.sidecars(_ids(plan)) if arguments.sidecars else None
        done = wb.apply(
            plan,
            user=arguments.user,
            dry_run=arguments.dry_run,
            to=arguments.to,
            reference=arguments.reference,
            progress=call.out.progress,
        )
        if offered is not None and not arguments.dry_run:
            kept = done.loc[done["status"] == "done", "keeper_id"]
            offered = offered[offered["keeper_id"].isin(kept)]
            written = wb.write_sidecars(offered, user=arguments.user, batch=done.attrs["batch"])
    if call.out.json:
        call.out.write_table(done)
    refused = done[done["status"] == "refused"]
    _write_refused(call, refused)
    removed = done[done["status"] != "refused"]
    if arguments.dry_run:
        call.out.write_line(f"would remove {_size(removed)}; {len(refused):,} refused")
    else:
        call.out.write_line(
            f"removed {_size(removed)}; {len(refused):,} refused"
            + (f". `imgurer review undo {done.attrs['batch']}` undoes this" if len(removed) else "")
        )
        if removed["act"].isin(["trash", "forget", "link"]).any():
            call.out.write_line(
                "They are in the trash: `imgurer trash empty --older-than 30d` frees the space of "
                "what has been there for 30 days"
            )
    _write_beside(call, *names_beside(removed))
    if written is not None:
        for keeper_id, why in zip(written["keeper_id"], written["why"], strict=True):
            if not pd.isna(why):
                call.out.write_line(f"no sidecar for file {keeper_id}: {why}")
        call.out.write_line(f"sidecars written: {int(written['why'].isna().sum()):,}")
    return EXIT_PROBLEMS if len(refused) else EXIT_DONE


@command(
    "review undo",
    either_or(
        argument("batch", nargs="?", metavar="SITTING", help="as `review journal` lists it"),
        argument(
            "--last", action="store_true", help="what the user did last, an act or a decision"
        ),
        argument("--entries", nargs="+", type=number, metavar="ENTRY", help="single acts"),
    ),
    _USER,
)
def undo_review(call: Call) -> int:
    """Undo what was done."""
    arguments = call.arguments
    if not (arguments.batch or arguments.last or arguments.entries):
        write_error("nothing to undo was named; name a sitting, --entries or --last")
        return EXIT_USAGE
    with noted(call.workbench()) as wb:
        frame = wb.undo(
            arguments.entries,
            batch=arguments.batch,
            user=arguments.user,
            progress=call.out.progress,
        )
    if call.out.json:
        call.out.write_table(frame)
    if frame.empty:
        call.out.write_line("there is nothing to undo")
        return EXIT_DONE
    refused = frame[frame["status"] == "refused"]
    _write_refused(call, refused)
    undone = frame[frame["status"] == "undone"]
    decisions = int(undone["decision_id"].notna().sum())
    along, written = (int((undone["act"] == act).sum()) for act in ("companion", "sidecar"))
    files = len(undone) - decisions - along - written
    more = f" with {count(along, 'sidecar')}" if along else ""
    more += f", {count(written, 'written sidecar')} deleted" if written else ""
    more += f", {count(decisions, 'decision')} undone" if decisions else ""
    call.out.write_line(f"{count(files, 'file')} back in place{more}, {len(refused):,} not")
    return EXIT_PROBLEMS if len(refused) else EXIT_DONE


@command(
    "review decide",
    argument("verdict", choices=VERDICTS),
    argument("ids", nargs="+", type=number, metavar="IMAGE", help="two, or more for a cluster"),
    argument("--reason", default="", help="in words"),
    _USER,
)
def decide_review(call: Call) -> int:
    """Record that pictures are the same, different, or to be decided later."""
    arguments = call.arguments
    with noted(call.workbench()) as wb:
        made = wb.decide(
            arguments.ids, arguments.verdict, reason=arguments.reason, user=arguments.user
        )
    if call.out.json:
        call.out.write_table(made.drop(columns="digests"))
    call.out.write_line(f"{count(len(arguments.ids), 'picture')}: {arguments.verdict}")
    return EXIT_DONE


@command("review journal", argument("--user", help="of one user (default: of all)"))
def list_journal(call: Call) -> int:
    """List the acts and decisions, the latest first."""
    with noted(call.workbench()) as wb:
        frame = wb.journal(call.arguments.user)
    call.out.write_table(frame, _JOURNAL)
    if frame.empty:
        call.out.write_line("nothing was done yet")
    return EXIT_DONE


def _require_plan_name(path: Path) -> None:
    if path.suffix not in {".csv", ".sh"}:
        message = f"a plan is a .csv or a .sh file, not {path.name!r}; give such a name to --out"
        raise QueryError(message)
    require_replaceable(path)


def _write_refused(call: Call, refused: pd.DataFrame) -> None:
    """Say why files were refused: a reason that many of them share is said once."""
    for why, part in refused.groupby("why", sort=False):
        paths = part["path"].tolist()
        if len(paths) > _TOGETHER:
            call.out.write_line(f"refused {count(len(paths), 'file')}: {why}")
            listed = [path for path in paths if not pd.isna(path)][:_NAMED]
            for path in listed:
                call.out.write_line(f"  {path}")
            if len(paths) > len(listed):
                call.out.write_line(f"  and {len(paths) - len(listed):,} more; --json lists all")
            continue
        for path in paths:
            # Most reasons begin with the path.
            named = pd.isna(path) or str(why).startswith((f"{path}: ", f"{path} "))
            call.out.write_line(f"refused: {'' if named else f'{path}: '}{why}")


def _write_beside(call: Call, along: Sequence[str], left: Sequence[str]) -> None:
    """Say which sidecars go along, and which files are left without their picture."""
    if along:
        call.out.write_line(f"along with them: {count(len(along), 'sidecar')}")
    if left:
        names = [*left[:_NAMED], *([f"{len(left) - _NAMED:,} more"] if left[_NAMED:] else [])]
        call.out.write_line(f"left where they are, without their picture: {join_words(names)}")


def _write_facts(call: Call, facts: Sequence[str]) -> None:
    """Say what would be known of files that go only, and how to keep it."""
    if facts:
        call.out.write_line(
            f"only files that go have {facts_text(facts)}: "
            "`imgurer review apply PLAN --sidecars` writes them beside the kept files"
        )


def _ids(plan: pd.DataFrame) -> pd.DataFrame:
    rows = rows_of_plan(plan)
    return pd.DataFrame(
        {"file_id": [it.file_id for it in rows], "keeper_id": [it.keeper_id for it in rows]},
        dtype="int64",
    )


def _size(frame: pd.DataFrame) -> str:
    return f"{count(len(frame), 'file')}, {human_bytes(int(frame['bytes'].sum()))}"


def _totals(files: int, size: int) -> str:
    return f"{count(files, 'file')} would go, {human_bytes(size)}; nothing was done"
