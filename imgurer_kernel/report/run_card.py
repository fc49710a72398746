"""The provenance of a report: everything that its content depends on."""

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
        Time, UTC: the only part that differs between equal reports.
    parameters
        The arguments, by name.
    algorithm
        Identifies how fingerprints are computed; another value may give other answers.
    versions
        Versions of this package, of Python and of the libraries that the answer may depend on.
    plan
        How the search was done, in words.
    counts
        Sizes of input and output.
    skipped
        Number of files and pictures that took no part, by reason.
    for_cost
        Parts of the search left out because they would have taken too long, in sentences.
    seed
        Random seed; None, since searches are not random.
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
        """Return the card as rows of part, name and value, all text.

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
                # None stands for an unused seed.
                rows.append((part, "", "nothing is random" if value is None else str(value)))
        return pd.DataFrame(rows, columns=["part", "name", "value"], dtype="str")


def versions() -> dict[str, str]:
    """List the versions of installed packages that an answer may depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # a checkout that is not installed
            continue
    return found
