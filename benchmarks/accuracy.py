"""How well copies of pictures are found, and distinct pictures kept apart, beside other packages.

Run over any folder of distinct pictures::

    python benchmarks/accuracy.py ../shared/corpus/photos --seed 1

It needs the package and, for the peers, what ``benchmarks/requirements.txt`` lists, best in an
environment of its own (imagededup brings torch along, some gigabytes)::

    python -m venv accuracy && accuracy/bin/pip install -r requirements.txt
    accuracy/bin/pip install -r benchmarks/requirements.txt -e .

Peers that are not installed are named and left out.

Some pictures, drawn by the seed from all subfolders in equal numbers, get a copy under each of the
53 transforms of `imgurer_kernel.report.evaluation.transforms`; all others take part as they are, as
do the hard
negatives (by default the folder ``hard_negatives`` beside the given one, if there is one). Each
picture that is not a planted copy is a class of its own; where some of the pictures are known to
be the same, a CSV file with the columns name and group says so (``--known``), and all but the first
of each group are left out. Files of equal bytes are one picture.

Everything goes through the package's public surface: a `Workbench` in a temporary store that takes
in the files of two tiers, then those of the third, then those of the fourth. Every answer is a new
workbench's, so that none profits from another. Copies are kept in the work folder for the next run.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import accuracy_ablation
import accuracy_peers as peers
import accuracy_report
import machine
import metrics
import numpy as np
from accuracy_corpus import Item, choose, gather, plant, progress
from accuracy_store import Store, lost, merged, processor_seconds

from imgurer_kernel.matching import verify

TIERS = {"T1+T2": 2, "T1-T3": 3, "T1-T4": 4}
LAST = "T1-T4"
VERIFIED = accuracy_report.DEFAULT
OURS = {
    "imgurer, plain dHash within 10": {"verify": False, "radius": 10},
    "imgurer, verified within 16": {"radius": 16},
    VERIFIED: {},
    "imgurer, verified within 32 (thorough)": {"thorough": True},
}
_PICTURES = 60
_FEW = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one contestant reached on some tiers; measures as in `metrics.Scores`.

    `hashing` and `grouping` are processor seconds; `clock` is what grouping took by the clock.
    """

    contestant: str
    tiers: str
    files: int
    precision: float
    recall: float
    f1: float
    bcubed: float | None
    rand: float | None
    false_merges: int | None
    hashing: float = 0.0
    grouping: float = 0.0
    clock: float = 0.0
    how: str = ""


@dataclass(slots=True, kw_only=True)
class Findings:
    """All that a run finds out."""

    command: str
    setting: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    found: dict[str, dict[str, float]] = field(default_factory=dict)
    ablation: list[Row] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


def main() -> None:
    chosen = _arguments()
    begun = time.perf_counter()
    originals, left_out = gather(chosen.folder, _hard(chosen), chosen.known)
    sample = choose(originals, chosen.pictures, chosen.seed)
    items = plant(originals, sample, chosen.seed, chosen.work)
    tiers = {
        name: [k for k, item in enumerate(items) if item.tier <= TIERS[name]] for name in TIERS
    }
    findings = Findings(
        command=_command(chosen),
        setting={
            "photos": sum(not original.hard for original in originals),
            "hard": sum(original.hard for original in originals),
            "sampled": len(sample),
            "copies": len(items) - len(originals),
            "left_out": left_out,
            "seed": chosen.seed,
            "machine": machine.describe(("pillow", "numpy")),
        },
    )

    def save() -> None:
        """Keep what is known by now: a run may be ended early."""
        findings.setting["minutes"] = round((time.perf_counter() - begun) / 60, 1)
        if chosen.json:
            chosen.json.write_text(json.dumps(asdict(findings), indent=1) + "\n", "utf-8")

    if chosen.peers:
        run_peers(items, tiers, chosen.work, findings)
        save()
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder:
        store = Store(Path(folder) / "store", items)
        run_ours(store, tiers, chosen.quick, findings, save)
    progress("")
    print(accuracy_report.markdown(findings))
    if chosen.out:
        accuracy_report.write(findings, chosen.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("folder", type=Path, help="distinct pictures, at any depth")
    add("--seed", type=int, default=1, help="of the sample and the transforms (default 1)")
    add("--pictures", type=int, help=f"how many get copies (default {_PICTURES}; quick: {_FEW})")
    add("--hard", type=Path, nargs="*", help="folders of hard negatives")
    add("--known", type=Path, help="CSV file of pictures that are the same: name, group")
    add("--peers", action=argparse.BooleanOptionalAction, default=True)
    add("--quick", action="store_true", help="no thorough search, no ablation, fewer pictures")
    add("--out", type=Path, help="write OUT.md, OUT.csv and OUT.png")
    add("--json", type=Path, help="write all figures to this file")
    work = Path(tempfile.gettempdir()) / "imgurer-accuracy"
    add("--work", type=Path, default=work, help=f"where copies are kept (default {work})")
    chosen = parser.parse_args()
    if not chosen.folder.is_dir():
        parser.error(f"{chosen.folder} is no folder")
    if chosen.pictures is None:
        chosen.pictures = _FEW if chosen.quick else _PICTURES
    chosen.work.mkdir(parents=True, exist_ok=True)
    return chosen


def _command(chosen: argparse.Namespace) -> str:
    """The command line, without what has no influence on the figures."""
    words = ["python benchmarks/accuracy.py", str(chosen.folder), f"--seed {chosen.seed}"]
    if chosen.quick:
        words.append("--quick")
    if chosen.pictures != (_FEW if chosen.quick else _PICTURES):
        words.append(f"--pictures {chosen.pictures}")
    if chosen.hard is not None:
        words += ["--hard", *map(str, chosen.hard)]
    if chosen.known:
        words.append(f"--known {chosen.known}")
    if not chosen.peers:
        words.append("--no-peers")
    return " ".join(words)


def _hard(chosen: argparse.Namespace) -> list[Path]:
    if chosen.hard is not None:
        return chosen.hard
    beside = chosen.folder.resolve().parent / "hard_negatives"
    return [beside] if beside.is_dir() else []


# ---- contestants


def run_ours(
    store: Store,
    tiers: dict[str, list[int]],
    quick: bool,
    findings: Findings,
    save: Callable[[], None],
) -> None:
    verify.compile_kernel()
    items, hashing = store.items, 0.0
    for name, chosen in tiers.items():
        progress(f"{name}: ingesting {len(chosen):,} files")
        hashing += store.add(chosen)
        truth = np.array([items[k].origin for k in chosen])
        for contestant, how in OURS.items():
            if quick and how.get("thorough"):
                continue
            progress(f"{name}: {contestant}")
            labels, spent = store.clusters(how)
            row = _row(contestant, name, truth, labels[chosen])
            findings.rows.append(replace(row, hashing=hashing, **spent))
            if name == LAST:
                findings.found[contestant] = _by_transform(
                    [items[k] for k in chosen], truth, labels[chosen]
                )
            if name == LAST and contestant == VERIFIED:
                findings.lost = lost(store, labels)
                findings.merged = merged(store, labels)
            save()
    truth = np.array([item.origin for item in items])
    for part in () if quick else accuracy_ablation.PARTS:
        progress(f"without {part}")
        with accuracy_ablation.without(part):
            labels, spent = store.clusters({})
        row = _row(f"without {part}", LAST, truth, labels)
        findings.ablation.append(replace(row, **spent))
        save()


def run_peers(
    items: list[Item], tiers: dict[str, list[int]], work: Path, findings: Findings
) -> None:
    for peer in peers.PEERS:
        version = peers.version(peer)
        if version is None:
            findings.missing.append(peer.name)
            continue
        progress(f"{peer.name}: hashing {len(items):,} files")
        hashes, hashing = peers.hash_all(peer, [item.path for item in items], work)
        for name, chosen in tiers.items():
            truth = np.array([items[k].origin for k in chosen])
            share = hashing * len(chosen) / len(items)
            for radius in peer.radii:
                progress(f"{name}: {peer.name} within {radius}")
                contestant = f"{peer.name} within {radius}"
                used = processor_seconds()
                labels = peers.star_labels(hashes[chosen], radius)
                row = replace(
                    _row(f"{contestant}, stars", name, truth, labels),
                    hashing=share,
                    grouping=processor_seconds() - used,
                    how=f"{peer.package} {version}",
                )
                findings.rows.append(row)
                if name == LAST:
                    every = [items[k] for k in chosen]
                    findings.found[row.contestant] = _by_transform(every, truth, labels)
                if peer.package == "imagededup":
                    listed = _listed(hashes[chosen], radius, truth)
                    findings.rows.append(
                        replace(row, contestant=f"{contestant}, its own pairs", **listed)
                    )


def _listed(hashes: np.ndarray, radius: int, truth: np.ndarray) -> dict[str, float | None]:
    used = processor_seconds()
    first, second = peers.listed_pairs(hashes, radius)
    used = processor_seconds() - used
    precision, recall, f1 = metrics.compare_pairs(truth, first, second)
    measured = {"precision": precision, "recall": recall, "f1": f1, "grouping": used}
    return measured | {"bcubed": None, "rand": None, "false_merges": None}


# ---- measuring


def _row(contestant: str, tiers: str, truth: np.ndarray, labels: np.ndarray) -> Row:
    scores = metrics.compare(truth, labels)
    _check_rand(scores.rand, truth, labels)
    return Row(
        contestant=contestant,
        tiers=tiers,
        files=len(truth),
        **asdict(scores),
    )


def _check_rand(rand: float, truth: np.ndarray, labels: np.ndarray) -> None:
    """Compare our adjusted Rand index with scikit-learn's, where that is installed."""
    try:
        from sklearn.metrics import adjusted_rand_score
    except ImportError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that so many classes look like a regression
        theirs = adjusted_rand_score(truth, labels)
    if abs(rand - theirs) > 1e-9:
        message = f"the adjusted Rand index is {rand}, scikit-learn says {theirs}"
        raise AssertionError(message)


def _by_transform(items: list[Item], truth: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Of the copies under each transform: the share in the largest cluster of their picture."""
    home = metrics.at_home(truth, labels)
    found: dict[str, list[bool]] = {}
    for item, inside in zip(items, home.tolist(), strict=True):
        if item.transform:
            found.setdefault(item.transform, []).append(inside)
    return {transform: float(np.mean(inside)) for transform, inside in found.items()}


if __name__ == "__main__":
    main()
