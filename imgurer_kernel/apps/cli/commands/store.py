"""Commands about the store as a whole: check it, rebuild its index, carry it elsewhere."""

import pandas as pd

from imgurer_kernel.apps.cli.command import (
    CREATE_HERE,
    EXIT_DONE,
    EXIT_PROBLEMS,
    Call,
    argument,
    command,
)
from imgurer_kernel.apps.cli.commands.pictures import write_ingested
from imgurer_kernel.common.text import count


@command("check", argument("--repair", action="store_true", help="mend what can be mended"))
def check(call: Call) -> int:
    """Compare originals, thumbnails and catalog."""
    with call.workbench() as wb:
        frame = wb.check(repair=call.arguments.repair, progress=call.out.progress)
        checked = wb.statistics().images
    if call.out.json:
        call.out.write_table(frame)
    for problem, detail, repaired in zip(
        frame["problem"], frame["detail"], frame["repaired"], strict=True
    ):
        call.out.write_line(f"{problem}: {detail}{' (repaired)' if repaired else ''}")
    unrepaired = int((~frame["repaired"]).sum())
    call.out.write_line(
        f"{count(checked, 'original')} checked, {count(len(frame), 'finding')}, "
        f"{unrepaired:,} not repaired"
    )
    return EXIT_PROBLEMS if unrepaired else EXIT_DONE


@command("rebuild-index")
def rebuild_index(call: Call) -> int:
    """Build the search index anew."""
    with call.workbench() as wb:
        images = wb.rebuild_index()
    if call.out.json:
        call.out.write_table(pd.DataFrame({"images": [images]}))
    call.out.write_line(f"the index is built anew, with {count(images, 'image')}")
    return EXIT_DONE


@command("export", argument("--out", required=True, metavar="FILE.tar"))
def export_store(call: Call) -> int:
    """Write originals and holdings to a tar file."""
    from imgurer_kernel.store.maintenance import archive

    out = call.arguments.out
    with call.workbench() as wb:
        originals = archive.export_store(wb.store, out, progress=call.out.progress)
    if call.out.json:
        call.out.write_table(pd.DataFrame({"written": [out], "originals": [originals]}))
    call.out.write_line(f"{out}: {count(originals, 'original')}")
    return EXIT_DONE


@command("import", argument("archive", metavar="FILE.tar"), CREATE_HERE)
def import_store(call: Call) -> int:
    """Take in what export wrote."""
    from imgurer_kernel.store.maintenance import archive

    with call.workbench_made() as wb:
        frame = archive.import_store(wb.store, call.arguments.archive, progress=call.out.progress)
    return write_ingested(call, frame)
