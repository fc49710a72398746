"""Commands about the store as a whole: check, recover, rebuild its index, export, import."""

import pandas as pd

from imgurer_kernel.apps.cli.command import (
    CREATE_HERE,
    EXIT_DONE,
    EXIT_PROBLEMS,
    Call,
    argument,
    command,
    percent,
)
from imgurer_kernel.apps.cli.commands.pictures import write_ingested
from imgurer_kernel.apps.cli.output import write_error
from imgurer_kernel.common.text import count


@command(
    "check",
    argument("--repair", action="store_true", help="repair what can be repaired without guessing"),
    argument("--sample", type=percent, default=100.0, metavar="N%", help="read the next N of 100"),
    argument("--resume", action="store_true", help="continue an interrupted check"),
)
def check(call: Call) -> int:
    """Read and compare all of the catalog, the originals and the thumbnails."""
    arguments = call.arguments
    if arguments.repair:
        from imgurer_kernel.store.maintenance import recover

        if recover.is_damaged(call.settings):
            _write_recovery(call)
    with call.workbench() as wb:
        frame = wb.check(
            repair=arguments.repair,
            progress=call.out.progress,
            sample=arguments.sample,
            resume=arguments.resume,
        )
        checked = wb.statistics().images
    if call.out.json:
        call.out.write_table(frame)
    for problem, detail, repaired in zip(
        frame["problem"], frame["detail"], frame["repaired"], strict=True
    ):
        call.out.write_line(f"{problem}: {detail}{' (repaired)' if repaired else ''}")
    share = "" if arguments.sample >= 100 else f"{arguments.sample:g} % of "
    unrepaired = int((~frame["repaired"]).sum())
    call.out.write_line(
        f"{share}{count(checked, 'original')} checked, {count(len(frame), 'finding')}, "
        f"{unrepaired:,} not repaired"
    )
    return EXIT_PROBLEMS if unrepaired else EXIT_DONE


@command("recover")
def recover_store(call: Call) -> int:
    """Rebuild a damaged or lost catalog."""
    return EXIT_PROBLEMS if _write_recovery(call) else EXIT_DONE


def _write_recovery(call: Call) -> bool:
    """Recover the store, print what was recovered, and return whether anything was not."""
    from imgurer_kernel.store.maintenance import recover

    found = recover.recover_store(call.settings, progress=call.out.progress)
    if call.out.json:
        call.out.write_table(pd.DataFrame({"recovered": found.words}))
    for line in found.words:
        call.out.write_line(line)
    return bool(found.rejected or found.unreadable)


@command("rebuild-index")
def rebuild_index(call: Call) -> int:
    """Rebuild the search index."""
    with call.workbench() as wb:
        images = wb.rebuild_index()
    if call.out.json:
        call.out.write_table(pd.DataFrame({"images": [images]}))
    call.out.write_line(f"the index was rebuilt, with {count(images, 'image')}")
    return EXIT_DONE


@command(
    "export",
    argument("--out", required=True, metavar="FILE.tar|FOLDER"),
    argument(
        "--backup",
        action="store_true",
        help="with accounts and password hashes, decisions, journal and trash",
    ),
)
def export_store(call: Call) -> int:
    """Export originals and holdings to a tar file, or only what is new to a folder."""
    from imgurer_kernel.store.maintenance import archive_export

    out = call.arguments.out
    with call.workbench() as wb:
        originals = archive_export.export_store(
            wb.store,
            out,
            progress=call.out.progress,
            backup=call.arguments.backup,
            note=write_error,
        )
    if call.out.json:
        call.out.write_table(pd.DataFrame({"written": [out], "originals": [originals]}))
    call.out.write_line(f"{out}: {count(originals, 'original')}")
    return EXIT_DONE


@command("import", argument("archive", metavar="FILE.tar|FOLDER"), CREATE_HERE)
def import_store(call: Call) -> int:
    """Import what export wrote."""
    from imgurer_kernel.store.maintenance import archive_import

    with call.workbench_made() as wb:
        frame = archive_import.import_store(
            wb.store, call.arguments.archive, progress=call.out.progress
        )
    return write_ingested(call, frame)
