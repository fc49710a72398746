"""Read the index of reported cases: each file, and the expected result of each folder."""

import csv
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(os.environ.get("IMGURER_CASES") or Path(__file__).parents[3] / "shared" / "cases")
"""Beside the repository, unless the environment names another place."""


@dataclass
class Case:
    """One folder: groups of files of one picture, unrelated files, keepers, statuses."""

    name: str
    groups: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    strangers: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    status: dict[str, str] = field(default_factory=dict)


def read_index(folder=FOLDER):
    """The cases by name; files are named by their path below the case's folder."""
    cases = {}
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name, _, rest = row["path"].partition("/")
            case = cases.setdefault(name, Case(name))
            many = rest.startswith("(")
            names = {p.name for p in (folder / name).iterdir()} if many else {rest}
            for each in names:
                case.status[each] = row["status"]
                if "neighbours may be" in row["note"]:
                    continue  # together or apart, either is right
                if row["group"]:
                    case.groups[row["group"]].add(each)
                else:
                    case.strangers.add(each)
                if row["keep"] == "1":
                    case.kept.add(each)
    return dict(sorted(cases.items()))


def faults(case, folder, clusters):
    """List what is wrong with the clusters of a case, in words; empty if all is right.

    Parameters
    ----------
    clusters
        As from `Workbench.clusters`, by file.
    """
    known = {name for group in case.groups.values() for name in group} | case.strangers
    named = clusters.assign(name=[str(Path(path).relative_to(folder)) for path in clusters["path"]])
    found = {frozenset(set(part["name"]) & known) for _, part in named.groupby("cluster_id")}
    kept = set(named.loc[named["is_keeper"], "name"])
    wrong = [
        f"{key}: {sorted(group)} are in no one cluster: {sorted(map(sorted, found))}"
        for key, group in case.groups.items()
        if len(group) > 1 and not any(group <= part for part in found)
    ]
    group_of = {name: key for key, group in case.groups.items() for name in group}
    # Files with the same bytes are no strangers, whatever they are called.
    digests = dict(zip(named["name"], named["digest"], strict=True))
    group_of |= {name: digests.get(name, name) for name in case.strangers}
    wrong += [
        f"strangers in one cluster: {sorted(part)}"
        for part in sorted(found, key=sorted)
        if len({group_of[name] for name in part}) > 1
    ]
    in_clusters = {name for part in found for name in part}
    wrong += [f"{name} is not kept" for name in sorted(case.kept & in_clusters - kept)]
    return wrong
