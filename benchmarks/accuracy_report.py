"""The tables and the plot of the accuracy benchmark."""

import csv
from dataclasses import asdict
from pathlib import Path

from imgurer_kernel.report.evaluation.transforms import TRANSFORMS

GOALS = {"T1+T2": (0.993, 0.999), "T1-T3": (0.985, 0.997), "T1-T4": (0.985, 0.997)}
PRECISION = 0.997
DEFAULT = "imgurer, verified within 24 (default)"

_CORNER = 0.995
_HEAD = (
    "| contestant | precision | recall | cluster F1 | B-cubed F1 | adjusted Rand | "
    "false merges | hashing s | grouping s |"
)
_RULE = "|---|---:|---:|---:|---:|---:|---:|---:|---:|"


def markdown(findings) -> str:
    """The whole report."""
    setting = findings.setting
    rows = findings.rows
    made = (
        f"Made by `{findings.command}`: {setting['photos']:,} photos and {setting['hard']:,} hard "
        f"negatives, each a class of its own; {setting['copies']:,} copies of "
        f"{setting['sampled']:,} of the photos, under {len(TRANSFORMS)} transforms. "
        f"{setting['machine']}; {setting.get('minutes', 0)} minutes, without the "
        "copies and the peers' hashes that an earlier run had left in the work folder."
    )
    meaning = (
        "Precision and recall are of pairs of files in one cluster; false merges are pairs of "
        "different pictures that share a cluster. Seconds are of processor time, of all cores "
        "together; ours took the files in (decoding, hashing, "
        "thumbnails, storing), peers only hashed them."
    )
    parts = ["# Accuracy", made, meaning]
    if setting["left_out"]:
        names = ", ".join(setting["left_out"])
        parts.append(f"Left out, being the same as others: {names}.")
    for tiers in dict.fromkeys(row.tiers for row in rows):
        here = [row for row in rows if row.tiers == tiers]
        parts += [f"## {tiers}: {here[0].files:,} files", _table(here, findings.missing)]
    parts += ["## Goals", _goals(rows)]
    parts += ["## Found, by transform", _transforms(findings.found)]
    if findings.ablation:
        parts += ["## What each part adds, T1-T4", _ablation(findings)]
    parts += ["## What still fails, by default, T1-T4"]
    parts += ["Copies apart from the others of their picture:", _items(findings.lost)]
    parts += ["Different pictures in one cluster:", _items(findings.merged)]
    return "\n\n".join(parts) + "\n"


def write(findings, stem: Path) -> None:
    """Write the report, the rows as CSV, and the plot, beside each other."""
    stem.with_suffix(".md").write_text(
        markdown(findings).replace(
            "## Goals", f"![Precision against recall]({stem.name}.png)\n\n## Goals", 1
        ),
        "utf-8",
    )
    with stem.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        rows = [asdict(row) for row in findings.rows + findings.ablation]
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: f"{v:.5f}" if isinstance(v, float) else v for name, v in row.items()}
            for row in rows
        )
    plot(findings.rows, stem.with_suffix(".png"))


def _table(rows, missing) -> str:
    lines = [_HEAD, _RULE]
    lines += [
        f"| {row.contestant} | {row.precision:.4f} | {row.recall:.4f} | {row.f1:.4f} | "
        f"{_number(row.bcubed)} | {_number(row.rand)} | {_count(row.false_merges)} | "
        f"{row.hashing:.0f} | {row.grouping:.1f} |"
        for row in rows
    ]
    lines += [f"| {name} | not installed | | | | | | | |" for name in missing]
    return "\n".join(lines)


def _number(value) -> str:
    return "" if value is None else f"{value:.4f}"


def _count(value) -> str:
    return "" if value is None else f"{value:,}"


def _goals(rows) -> str:
    lines = ["| tiers | must reach | aim | by default | precision |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        if row.contestant == DEFAULT:
            must, aim = GOALS[row.tiers]
            lines.append(
                f"| {row.tiers} | {must} | {aim} | {row.f1:.4f} | {row.precision:.4f}, at least "
                f"{PRECISION} |"
            )
    return "\n".join(lines)


def _transforms(found) -> str:
    contestants = list(found)
    lines = [f"| tier | transform | {' | '.join(contestants)} |"]
    lines.append("|---:|---|" + "---:|" * len(contestants))
    for transform in TRANSFORMS:
        shares = [found[contestant][transform.name] for contestant in contestants]
        cells = " | ".join(f"{share:.3f}" for share in shares)
        lines.append(f"| {transform.tier} | {transform.name} | {cells} |")
    return (
        "The share of the copies under each transform that are in the largest cluster of their "
        "picture.\n\n" + "\n".join(lines)
    )


def _ablation(findings) -> str:
    [whole] = [row for row in findings.rows if (row.contestant, row.tiers) == (DEFAULT, "T1-T4")]
    lines = [
        "| search | precision | recall | cluster F1 | F1 lost | false merges | grouping s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.contestant} | {row.precision:.4f} | {row.recall:.4f} | {row.f1:.4f} | "
        f"{whole.f1 - row.f1:.4f} | {row.false_merges:,} | {row.grouping:.1f} |"
        for row in (whole, *findings.ablation)
    ]
    return "\n".join(lines)


def _items(told) -> str:
    return "\n".join(f"- {line}" for line in told) if told else "- none"


def _frame(panel, rows, title) -> None:
    """Limits that hold all rows and the perfect result, with some room around."""
    for axis, values in (
        ("x", [row.recall for row in rows]),
        ("y", [row.precision for row in rows]),
    ):
        least = min(*values, 1 if axis == "x" else PRECISION)
        room = (1 - least) * 0.06
        panel.set(**{f"{axis}lim": (least - room, 1 + room)})
    panel.set_title(title)


def plot(rows, path: Path) -> None:
    """Precision against recall: everything on the left, the best corner on the right."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 5.6), layout="constrained")
    contestants = list(dict.fromkeys(row.contestant for row in rows))
    # The colours of Okabe and Ito, told apart by people who do not see all of them.
    colours = [
        "#0072b2",
        "#e69f00",
        "#009e73",
        "#cc79a7",
        "#d55e00",
        "#56b4e9",
        "#000000",
        "#999999",
        "#8b5a2b",
    ]
    ours = [name for name in contestants if name.startswith("imgurer")]
    for panel in panels:
        for k, name in enumerate(ours + [name for name in contestants if name not in ours]):
            points = [row for row in rows if row.contestant == name]
            recall = [row.recall for row in points]
            precision = [row.precision for row in points]
            style = {"color": colours[k % len(colours)], "alpha": 0.95}
            style["linestyle"] = "-" if name in ours else "--"
            panel.plot(recall, precision, lw=1.4, label=name, **style)
            for x, y, marker in zip(recall, precision, "os^", strict=False):
                panel.plot(x, y, marker, ms=7, color=style["color"], mec="white", mew=0.6)
        panel.grid(color="#ddd", lw=0.6)
        panel.set_axisbelow(True)
        panel.set_xlabel("recall of pairs")
        panel.set_ylabel("precision of pairs")
    corner = [row for row in rows if row.f1 >= _CORNER]
    _frame(panels[0], rows, "everything")
    _frame(panels[1], corner or rows, f"cluster F1 of {_CORNER} and more")
    panels[1].axhline(PRECISION, color="#777", lw=0.9, ls=":")
    panels[1].annotate(
        f"precision must reach {PRECISION}",
        (0.02, PRECISION),
        (0, -12),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=9,
        color="#444",
    )
    for marker, tiers in zip("os^", dict.fromkeys(row.tiers for row in rows), strict=False):
        panels[0].plot([], [], marker, color="#555", label=f"tiers {tiers}")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)
    plt.close(figure)
