"""Are look-alikes kept apart and their copies found? Flags, emoji, objects; and edits of photos.

Run with folders of look-alikes, each with a ``truth.csv`` (filename, key: same key, same picture),
and a folder of photos that are edited in the ways of `candidates.EDITS`::

    python benchmarks/look_alikes.py FOLDER_OF_SETS FOLDER_OF_PHOTOS

Pairs of files in one cluster are compared with the truth. More sets are drawn here, by the modules
``drawn_*.py`` and by ``--seed``: stand-ins for kinds of pictures of which there is no set that may
be passed on. With ``--half 0`` or ``1`` only one half of each set is taken, by the names of its
originals. An edit is *found* if it is in the cluster of its original; collages and
feeds also if they are related to it. Peers are those of `accuracy_peers.py` that are installed, at
the radii that their authors name.
"""

import argparse
import csv
import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import machine
import numpy as np
import pandas as pd
from accuracy_peers import PEERS, hash_all, star_labels, version
from candidates import EDITS, planted
from drawn_faces import draw_faces
from drawn_icons import draw_icons
from drawn_layouts import draw_layouts
from drawn_memes import draw_memes
from drawn_pages import draw_pages
from drawn_radiographs import draw_radiographs
from drawn_receipts import draw_receipts
from drawn_sprites import draw_sprites
from drawn_takes import draw_takes
from metrics import compare

from imgurer_kernel import Settings, Workbench

PHOTOS, STRANGERS = 30, 200
DRAWN = {
    "icons": draw_icons,
    "sprites": draw_sprites,
    "faces": draw_faces,
    "takes": draw_takes,
    "pages": draw_pages,
    "receipts": draw_receipts,
    "radiographs": draw_radiographs,
    "memes": draw_memes,
    "layouts": draw_layouts,
}
PARTS = ("feed", "collage of 2", "collage of 3", "collage of 4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), help="of each set")
    parser.add_argument("--seed", type=int, default=1, help="of the sets that are drawn")
    parser.add_argument("--only", nargs="*", help="names of sets; no edits then")
    chosen = parser.parse_args()
    peers = [peer for peer in PEERS if version(peer) is not None]
    print(machine.describe(("numpy", "numba", *(peer.package for peer in peers))), "\n")
    names = [f"{peer.name}, {radius} bits" for peer in peers for radius in peer.radii]
    columns = ["set", "files", "imgurer P / R", "seconds", *(f"{name} P / R" for name in names)]
    print(f"| {' | '.join(columns)} |")
    print("|---" * (4 + len(names)) + "|")
    with tempfile.TemporaryDirectory() as work:
        folders = sorted(path.parent for path in chosen.sets.glob("*/truth.csv"))
        for folder in (*folders, *(Path(work) / "drawn" / name for name in DRAWN)):
            if chosen.only is not None and folder.name not in chosen.only:
                continue
            if folder.name in DRAWN and not folder.exists():
                DRAWN[folder.name](folder, photos_in(chosen.photos), chosen.seed)
            print(row_of(folder, peers, Path(work) / folder.name, chosen.half), flush=True)
        if chosen.only is not None:
            return
        print("\n| edit | found of " + f"{PHOTOS} | as part of |\n|---|---:|---:|")
        for line in edits(chosen.photos, Path(work)):
            print(line, flush=True)


def row_of(folder: Path, peers: list, work: Path, half: int | None = None) -> str:
    """Precision and recall of all pairs of one set or of half of it, by us and by peers."""
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        keys = {row["filename"]: row["key"] for row in csv.DictReader(file)}
    if half is not None:
        # As good as drawn by lot, and the same each time.
        lots = {key: hashlib.md5(key.encode()).digest()[0] % 2 for key in keys.values()}
        keys = {name: key for name, key in keys.items() if lots[key] == half}
    places = {path.name: path for path in folder.rglob("*")}
    paths = [places[name] for name in keys]
    truth = np.unique(list(keys.values()), return_inverse=True)[1]
    begun = time.perf_counter()
    with Workbench(Settings(root=work / "store", store="reference")) as wb:
        wb.ingest(paths, progress=False)
        clusters = wb.clusters(progress=False)
    took = time.perf_counter() - begun
    place = {str(path): number for number, path in enumerate(paths)}
    labels = np.arange(len(paths)) + len(clusters)
    rows = [place[path] for path in clusters["path"]]
    labels[rows] = clusters["cluster_id"].to_numpy()
    cells = [_cell(compare(truth, labels))]
    for peer in peers:
        hashes, _ = hash_all(peer, paths, work)
        cells += [_cell(compare(truth, star_labels(hashes, radius))) for radius in peer.radii]
    rest = "".join(f" {cell} |" for cell in cells[1:])
    return f"| {folder.name} | {len(paths):,} | {cells[0]} | {took:.0f} |{rest}"


def edits(photos: Path, work: Path) -> Iterator[str]:
    """Which edits are in the cluster of their original, and which are related to it."""
    found = photos_in(photos)
    np.random.default_rng(1).shuffle(found)
    folder = work / "edits"
    folder.mkdir()
    rows = []
    for kind, number, data in planted(found[: PHOTOS + STRANGERS], PHOTOS):
        path = folder / f"{number:04} {kind.replace('/', ' of ').replace(':', ' by ')}.jpg"
        path.write_bytes(data)
        rows.append({"path": str(path), "kind": kind, "number": number})
    truth = pd.DataFrame(rows)
    with Workbench(Settings(root=work / "store", store="reference")) as wb:
        wb.ingest(folder, progress=False)
        files = wb.files()[["path", "image_id"]]
        clusters = wb.clusters(progress=False)[["image_id", "cluster_id"]].drop_duplicates()
        related = wb.related()
    known = truth.merge(files, on="path").merge(clusters, on="image_id", how="left")
    originals = known[known["kind"] == "original"].set_index("number")
    pairs = {
        frozenset(pair)
        for pair in zip(related["image_id"], related["other_id"], strict=True)
        if len(set(pair)) > 1
    }
    for kind in EDITS:
        part = known[known["kind"] == kind]
        home = originals.loc[part["number"]]
        same = (part["cluster_id"].to_numpy() == home["cluster_id"].to_numpy()).mean()
        ends = zip(part["image_id"], home["image_id"], strict=True)
        near = np.mean([frozenset(end) in pairs for end in ends])
        yield f"| {kind} | {same:.0%} | {f'{near:.0%}' if kind in PARTS else ''} |"
    strangers = known[known["cluster_id"].notna()].groupby("cluster_id")["number"].nunique()
    yield f"| *clusters with two photos* | {int((strangers > 1).sum())} | |"


def photos_in(folder: Path) -> list[Path]:
    """List the photographs of a folder, at any depth."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".png"})


def _cell(scores) -> str:
    return f"{scores.precision:.3f} / {scores.recall:.3f}"


if __name__ == "__main__":
    main()
