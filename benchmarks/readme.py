"""Write the tables of search.py, search_engines.py and allpairs.py into README.md; draw the plot.

Run, after all three with ``--json``::

    python benchmarks/readme.py
"""

import json
from pathlib import Path
from typing import Any

import machine
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
RADIUS = 10
ENGINES_AMONG = ("10,000 pictures", "100,000 pictures", "1,000,000 pictures")
ENGINE_RADII = (0, 4, 10, 16, 20, 24)
SHOWN = ("10,000 photo-like", "1,000,000 photo-like", "1,000,000 uniform")

# The first three colours of Okabe and Ito that print dark enough, and gray; each with its marker,
# so that colour is not all that tells them apart.
LINES = (
    ("uniform", "components", "imgurer, uniform hashes", "#0072b2", "o", "-"),
    ("photo-like", "components", "imgurer, photo-like hashes", "#009e73", "s", "-"),
    ("photo-like", "faiss", "faiss IndexBinaryFlat, scaled from 500 queries", "#d55e00", "^", "--"),
    ("photo-like", "duckdb", "DuckDB, SQL join, scaled from 50 queries", "#666666", "v", "--"),
)


def main() -> None:
    search, engines, allpairs = (
        json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        for name in ("search", "search_engines", "allpairs")
    )
    page = FOLDER / "README.md"
    text = page.read_text("utf-8")
    text = put(text, "search", search_tables(search))
    text = put(text, "engines", engine_tables(engines))
    text = put(text, "allpairs", allpairs_tables(allpairs))
    page.write_text(text, "utf-8")
    plot(allpairs["rows"], FOLDER / "allpairs.png")


def put(text: str, name: str, lines: list[str]) -> str:
    """Replace what stands between the marks of a name."""
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->\n")
    if not begin or not end:
        message = f"README.md has no marks for {name}"
        raise LookupError(message)
    return before + begin + "\n".join(["", *lines, "", end]) + after


def search_tables(figures: dict[str, Any]) -> list[str]:
    goals = [
        [goal["work"], f"{goal['must']:g}x", f"{goal['aim']:g}x", f"**{goal['measured']:.1f}x**"]
        for goal in figures["goals"]
    ]
    rows = [
        [
            row["hashes"],
            row["contestant"],
            f"{row['microseconds']:,.1f}",
            None
            if row["faster"] is None
            else f"{row['faster']:,.{1 if row['faster'] >= 1 else 3}f}x",
        ]
        for row in figures["rows"]
        if row["radius"] == RADIUS and row["hashes"] in SHOWN
    ]
    head = ["hashes, radius 10", "contestant", "us a query, median", "faster than faiss"]
    return [
        figures["machine"],
        "",
        *machine.table(["faster than one search by faiss", "must reach", "aim", "measured"], goals),
        "",
        *machine.table(head, rows, left=(0, 1)),
    ]


def engine_tables(figures: dict[str, Any]) -> list[str]:
    """Each cell spans what is asked for: pictures upright and turned, and contents."""
    spans: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in figures["rows"]:
        if row["hashes"] in ENGINES_AMONG and row["radius"] in ENGINE_RADII:
            spans.setdefault((row["hashes"], row["radius"]), []).append(row)
    names = [*spans[min(spans)][0]["microseconds"]]
    rows = [
        [
            among,
            radius,
            *(span([row["microseconds"][name] for row in found]) for name in names),
            " or ".join(sorted({row["takes"] for row in found})),
        ]
        for (among, radius), found in spans.items()
    ]
    head = ["among", "radius", *(f"{name}, us" for name in names), "a search takes"]
    verified = [
        [f"{row['pictures']:,}", row["radius"], f"{row['trees']:,.0f}", f"{row['bulk']:,.0f}"]
        for row in figures["verified"]
        if row["radius"] in ENGINE_RADII
    ]
    tree, bulk = "all of a verified search by trees, us", "by bulk searches, us"
    return [
        figures["machine"],
        "",
        *machine.table(head, rows),
        "",
        *machine.table(["pictures", "radius", tree, bulk], verified),
    ]


def span(numbers: list[float]) -> str:
    low, high = (
        f"{number:,.{0 if number >= 10 else 1}f}" for number in (min(numbers), max(numbers))
    )
    return low if low == high else f"{low} to {high}"


def allpairs_tables(figures: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["hashes"],
            f"**{row['components']:.2f}**",
            f"{row['cpu']:.2f}",
            *(None if row[key] is None else f"{row[key]:,.1f}" for key in ("faiss", "duckdb")),
            *figures["goals"].get(row["hashes"], (None, None)),
        ]
        for row in figures["rows"]
    ]
    head = ["hashes, radius 10", "s", "of all cores s", "faiss, scaled s", "DuckDB, scaled s"]
    growth = [
        f"Growth from 1 to 10 million: exponent {found['exponent']:.2f} for {found['hashes']} "
        "hashes (must be at most 1.4, aim 1.2)."
        for found in figures["growth"]
    ]
    lines = [figures["machine"], "", *machine.table([*head, "must reach", "aim"], rows), ""]
    return [*lines, *growth, "", "![Seconds against number of hashes](allpairs.png)"]


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for kind, key, label, colour, marker, style in LINES:
        at = [
            (int(row["hashes"].split()[0].replace(",", "")), row[key])
            for row in rows
            if row["hashes"].endswith(f" {kind}") and row[key]
        ]
        if at:
            axes.loglog(*zip(*at, strict=True), color=colour, marker=marker, ls=style, label=label)
    axes.set_xlabel("number of hashes")
    axes.set_ylabel("time in seconds")
    axes.set_title("Every hash against every other within 10 bits, on 2 cores", loc="left")
    for seconds, name in ((1, "second"), (60, "minute"), (3600, "hour"), (86400, "day")):
        axes.axhline(seconds, color="#bbbbbb", lw=0.8, zorder=0)
        place = (0.995, seconds)
        axes.annotate(
            f"1 {name}", place, xycoords=("axes fraction", "data"), xytext=(0, 2),
            textcoords="offset points", ha="right", color="#666666", fontsize=8,
        )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(right=3e7)  # room for the names of the lines
    axes.legend(loc="upper left", framealpha=1, edgecolor="none")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
