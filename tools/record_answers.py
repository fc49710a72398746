"""Record what the public surface answers on folders of pictures, to compare two versions of it.

    python tools/record_answers.py OUT FOLDER...

takes each folder into a fresh store and writes one text file for each answer into OUT/FOLDER-NAME:
the frames of `ingest`, `similar` (50 queries in equal steps, verified and not), `clusters`
(verified and not), `explain` and `evidence` of cluster members, `index_info`, CSV and HTML reports,
and what the command line prints with ``--json``. Run it with the code before and after a change
that must change no answer, then ``diff -r`` the two.
"""

import contextlib
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.__main__ import main

QUERIES = 50
PAIRS = 12


def text_of(frame: pd.DataFrame) -> str:
    """A frame as CSV with all digits, behind the types of its columns."""
    kinds = ", ".join(f"{name} {kind}" for name, kind in frame.dtypes.items())
    return f"{kinds}\n{frame.to_csv(index=False, float_format='%.12g')}"


def answers(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each answer on the pictures of one folder."""
    with Workbench(Settings(root=root)) as workbench:
        taken = workbench.ingest(folder, progress=False)
        yield "ingest.csv", text_of(taken)
        yield "again.csv", text_of(workbench.ingest(folder, progress=False))
        facts = workbench.images().drop(columns=["added_at"])
        yield "images.csv", text_of(facts)
        ids = facts["image_id"].tolist()
        asked = ids[:: max(1, len(ids) // QUERIES)]
        for verify in (True, False):
            found = [
                workbench.similar(number, verify=verify).assign(query=number) for number in asked
            ]
            yield f"similar-{verify}.csv", text_of(pd.concat(found, ignore_index=True))
        clusters = workbench.clusters(progress=False)
        yield "clusters.csv", text_of(clusters)
        yield "plain-clusters.csv", text_of(workbench.clusters(verify=False, progress=False))
        members = clusters.groupby("cluster_id")["image_id"].agg(list).tolist()
        pairs = [group[:2] for group in members[:: max(1, len(members) // PAIRS)]]
        yield "evidence.txt", "\n".join(repr(workbench.evidence(*pair)) for pair in pairs)
        yield "explain.txt", "\n".join(str(workbench.explain(*pair)) for pair in pairs)
        yield "index-info.txt", repr(workbench.index_info())
        report = workbench.report(now=datetime(2026, 1, 1, tzinfo=UTC), progress=False)
        for suffix in (".csv", ".json", ".html"):
            target = report.save(root / f"report{suffix}")
            yield f"report{suffix}", target.read_text(encoding="utf-8")
    for command in (["clusters"], ["similar", str(asked[0])], ["check"], ["users", "list"]):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = main(["--root", str(root), *command, "--json"])
        yield f"cli-{command[0]}.json", f"{status}\n{printed.getvalue()}"


def settled(text: str, root: Path) -> str:
    """The text without what differs from run to run: the store's folder and times of the day."""
    text = text.replace(str(root), "ROOT")
    return re.sub(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "TIME", text)


def record(out: Path, folders: list[Path]) -> None:
    """Write the answers on each folder."""
    for folder in folders:
        root = Path(tempfile.mkdtemp())
        goal = out / folder.name
        goal.mkdir(parents=True, exist_ok=True)
        try:
            for name, text in answers(folder, root):
                (goal / name).write_text(settled(text, root), encoding="utf-8")
        finally:
            shutil.rmtree(root)
        print(json.dumps({"folder": folder.name, "answers": len(list(goal.iterdir()))}))


if __name__ == "__main__":
    record(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
