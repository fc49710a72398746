"""The provenance of a report: everything that its answer depends on."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from typing import Any

import pandas as pd

_LIBRARIES = ("imgurer", "duckdb", "numba", "numpy", "pandas", "pillow", "pillow-heif")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """Parameters, versions and counts of one report.

    Attributes
    ----------
    made_at
        When, UTC: the only part that differs where nothing else does.
    parameters
        What was asked for, by name.
    algorithm
        Names how fingerprints are computed; another name means other answers.
    versions
        Of this package, of Python and of the libraries that an answer may depend on.
    plan
        How the search was made, in words.
    counts
        What went in and what came out.
    skipped
        How many files and pictures took no part, by the reason.
    for_cost
        What was left out because it would have taken too long, in sentences.
    seed
        Of what is random; None since a search has nothing of that kind.
    """

    made_at: datetime
    parameters: Mapping[str, Any] = field(default_factory=dict)
    algorithm: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    for_cost: tuple[str, ...] = ()
    seed: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the card in JSON types."""
        return {
            "made_at": self.made_at.isoformat(),
            "parameters": dict(self.parameters),
            "algorithm": self.algorithm,
            "versions": dict(self.versions),
            "plan": self.plan,
            "counts": dict(self.counts),
            "skipped": dict(self.skipped),
            "for_cost": list(self.for_cost),
            "seed": self.seed,
        }

    def frame(self) -> pd.DataFrame:
        """Return the card as rows of part, name and value, all texts.

        Examples
        --------
        >>> card = RunCard(made_at=datetime(2026, 1, 2), parameters={"radius": 10})
        >>> card.frame().iloc[1].tolist()
        ['parameters', 'radius', '10']
        """
        rows = []
        for part, value in self.as_dict().items():
            if isinstance(value, dict):
                rows += [(part, name, str(each)) for name, each in value.items()]
            elif isinstance(value, list):
                rows += [(part, str(number), each) for number, each in enumerate(value, 1)]
            else:
                # A seed is what None can be of.
                rows.append((part, "", "nothing is random" if value is None else str(value)))
        return pd.DataFrame(rows, columns=["part", "name", "value"], dtype="str")


def versions() -> dict[str, str]:
    """List the versions of packages that an answer may depend on, of those installed."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # run from a checkout that was not installed
            continue
    return found
