"""Commands about single pictures: ingest, look up, find similar ones, explain, calibrate."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from imgurer_kernel.apps.cli.command import (
    CREATE_HERE,
    EXIT_DONE,
    EXIT_PROBLEMS,
    Call,
    argument,
    bits,
    command,
    either_or,
    number,
    seed,
)
from imgurer_kernel.apps.cli.file_filters import EXCLUDE, MIN_SIZE
from imgurer_kernel.store.ingest.rejected_files import by_kind, kinds_text, left_out_text

RADIUS = argument("--radius", type=bits, metavar="BITS", help="0 to 128")
NO_VERIFY = argument(
    "--no-verify", action="store_true", help="use the hashes alone, without comparing pictures"
)


@command(
    "ingest",
    argument("paths", nargs="+", metavar="PATH", help="file, folder or glob"),
    argument("--user", help="owner of the files (default: the local user)"),
    either_or(
        argument(
            "--copy",
            dest="store",
            action="store_const",
            const="copy",
            help="copy the originals into the store, which takes as much space again (the default)",
        ),
        argument(
            "--link",
            dest="store",
            action="store_const",
            const="link",
            help="hard links on the same disk: no extra space, and files deleted outside are kept",
        ),
        argument(
            "--in-place",
            dest="store",
            action="store_const",
            const="reference",
            help="leave them where they are; the store gets fingerprints and thumbnails only, "
            "about 20 KB each",
        ),
    ),
    argument(
        "--prune",
        action="store_true",
        help="mark files that are not found as missing, even if a whole folder is not there",
    ),
    argument("--checksum", action="store_true", help="read files again that seem unchanged"),
    argument(
        "--untrusted",
        action="store_true",
        help="decode in child processes with limits on time and memory",
    ),
    EXCLUDE,
    MIN_SIZE,
    CREATE_HERE,
)
def ingest(call: Call) -> int:
    """Ingest pictures, or scan again those that were ingested before."""
    given = call.arguments
    with call.workbench_made() as wb:
        frame = wb.ingest(
            given.paths,
            user=given.user,
            store=given.store,
            progress=call.out.progress,
            checksum=given.checksum,
            untrusted=given.untrusted,
            prune=given.prune,
            exclude=given.exclude,
            min_size=given.min_size,
        )
    return write_ingested(call, frame)


def write_ingested(call: Call, frame: pd.DataFrame) -> int:
    """Print the outcome of each file; as text only changes and totals."""
    rejected = frame[frame["status"] == "rejected"]
    damaged = frame["reason"].str.startswith("damaged: ")
    changes = frame[frame["status"].isin(["changed", "moved", "missing"]) | damaged]
    if call.out.json:
        call.out.write_table(frame)
    failures, others = by_kind(dict(zip(rejected["source"], rejected["reason"], strict=True)))
    for source, reason in failures.items():
        call.out.write_line(f"rejected {source}: {reason}")
    columns = (changes[name] for name in ("source", "status", "reason"))
    for source, status, reason in zip(*columns, strict=True):
        has_reason = reason.startswith("damaged: ")
        call.out.write_line(f"{status} {source}" + (f": {reason}" if has_reason else ""))
    if others:
        call.out.write_line(f"{kinds_text(others)}; --json lists them")
    if left_out := left_out_text(frame.attrs):
        call.out.write_line(left_out)
    totals = frame["status"].value_counts()
    parts = [f"{totals.get(key, 0):,} {label}" for key, label in _TOTALS.items()]
    parts += [f"{totals[key]:,} {label}" for key, label in _RARE_TOTALS.items() if key in totals]
    call.out.write_line(", ".join(parts))
    return EXIT_PROBLEMS if len(rejected) else EXIT_DONE


_TOTALS = {"added": "added", "duplicate": "already here", "rejected": "rejected"}
_RARE_TOTALS = {
    "unchanged": "unchanged",
    "changed": "changed",
    "moved": "moved",
    "missing": "missing",
}


@command("lookup", argument("paths", nargs="+", metavar="PATH", help="file or folder"))
def lookup(call: Call) -> int:
    """Look up for each picture whether the store has it already."""
    with call.workbench() as wb:
        frame = wb.lookup(call.arguments.paths, progress=call.out.progress)
    if call.out.json:
        call.out.write_table(frame)
    places = frame["path"].fillna(frame["name"])
    columns = (places, *(frame[name] for name in ("status", "filename", "reason")))
    for name, status, twin, reason in zip(*columns, strict=True):
        detail = (
            f", as {twin}" if status in {"exact", "near duplicate"} else reason and f": {reason}"
        )
        call.out.write_line(f"{name}: {status}{detail}")
    totals = frame["status"].value_counts()
    call.out.write_line(", ".join(f"{number:,} {status}" for status, number in totals.items()))
    return EXIT_PROBLEMS if (frame["status"] == "rejected").any() else EXIT_DONE


@command(
    "similar",
    argument("image", metavar="IMAGE", help="a file, or the id of an image"),
    RADIUS,
    NO_VERIFY,
    argument("--limit", type=number, metavar="N", help="most images to list"),
)
def similar(call: Call) -> int:
    """Find pictures that are similar to one."""
    with call.workbench() as wb:
        frame = wb.similar(
            _file_or_id(call.arguments.image),
            radius=call.arguments.radius,
            limit=call.arguments.limit,
            verify=not call.arguments.no_verify,
        )
    columns = ("image_id", "distance", "orientation", "verdict", "filename", "width", "height")
    call.out.write_table(frame, {name: name.replace("_", " ") for name in columns})
    if frame.empty:
        call.out.write_line("nothing like it is in the store")
    return EXIT_DONE


def _file_or_id(text: str) -> str | int:
    """Read a path, or the id of an image if no file has that name."""
    return int(text) if text.isdecimal() and not Path(text).exists() else text


@command(
    "explain",
    argument("one", metavar="IMAGE", help="a file, or the id of an image"),
    argument("other", metavar="IMAGE"),
    argument("--out", metavar="FILE.png", help="write the figure too"),
)
def explain(call: Call) -> int:
    """Explain why two pictures are duplicates, or are not."""
    with call.workbench() as wb:
        explanation = wb.explain(_file_or_id(call.arguments.one), _file_or_id(call.arguments.other))
    if call.arguments.out:
        explanation.save(call.arguments.out)
    if call.out.json:
        facts = asdict(explanation.evidence)
        facts |= {"duplicate": explanation.duplicate, "words": explanation.words}
        call.out.write_table(pd.DataFrame([facts]).drop(columns=["first", "second"]))
    call.out.write_line(explanation.words)
    return EXIT_DONE


@command(
    "calibrate",
    argument("--sample", type=number, default=200, metavar="N", help="pictures to copy"),
    argument("--seed", type=seed, default=0, metavar="N", help="seed of the sample"),
)
def calibrate(call: Call) -> int:
    """Measure how well copies of this store's own pictures are found."""
    with call.workbench() as wb:
        calibration = wb.calibrate(
            call.arguments.sample, call.arguments.seed, progress=call.out.progress
        )
    if call.out.json:
        call.out.write_table(calibration.frame)
        return EXIT_DONE
    call.out.write_table(calibration.summary.reset_index())
    for line in (calibration.recommendation, *calibration.notes):
        call.out.write_line(line)
    return EXIT_DONE
