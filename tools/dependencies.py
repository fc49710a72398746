"""Refresh the pins of all dependencies, or list their licences.

`python -m tools.dependencies refresh` installs the newest versions that pyproject.toml allows into
an environment that it throws away, and writes them into requirements.txt, environment.yml and
constraints.txt. Run `./run test` then, and read the changelogs of what has moved.

`python -m tools.dependencies licences` lists name, version and licence of each pinned distribution,
as installed here.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A line that pins: `  - numpy=2.4.6` of conda, `numpy==2.4.6` of pip.
PIN = re.compile(r"^(?P<before>[\s-]*)(?P<name>[\w.-]+?)(?P<sign>={1,2})(?P<version>\d[\w.]*)$")
UNKNOWN = "unknown"


def canonical(name: str) -> str:
    """Spell a distribution's name as indexes compare it (PEP 503): `PyYAML`, `pyyaml`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Canonical name -> version of each pinned line."""
    found = [PIN.match(line) for line in text.splitlines()]
    return {canonical(match["name"]): match["version"] for match in found if match}


def with_versions(text: str, versions: Mapping[str, str]) -> str:
    """Put other versions (by canonical name) into pinned lines; all else stays as it is."""

    def repinned(line: str) -> str:
        match = PIN.match(line)
        if not match or canonical(match["name"]) not in versions:
            return line
        new = versions[canonical(match["name"])]
        return f"{match['before']}{match['name']}{match['sign']}{new}"

    return "".join(f"{repinned(line)}\n" for line in text.splitlines())


def as_constraints(header: str, frozen: Mapping[str, str], required: Mapping[str, str]) -> str:
    """Pin what is frozen and not required itself, in the order of names."""
    rest = sorted(name for name in frozen if name not in required)
    return header + "".join(f"{name}=={frozen[name]}\n" for name in rest)


def extras(pyproject: str) -> list[str]:
    """Names of all optional dependencies: what only one of them needs is pinned, too."""
    return list(tomllib.loads(pyproject)["project"]["optional-dependencies"])


def newest() -> dict[str, str]:
    """Install what pyproject.toml allows into a new environment; name -> version of all of it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        wanted = f"{ROOT}[{','.join(extras((ROOT / 'pyproject.toml').read_text('utf-8')))}]"
        subprocess.run([python, "-m", "pip", "install", "--quiet", wanted], check=True)
        frozen = subprocess.run(
            [python, "-m", "pip", "freeze", "--exclude", "imgurer"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    return pins(frozen.stdout)


def refresh() -> None:
    """Write the newest versions into the three files."""
    frozen = newest()
    for name in ("requirements.txt", "environment.yml"):
        path = ROOT / name
        path.write_text(with_versions(path.read_text("utf-8"), frozen), "utf-8")
    path = ROOT / "constraints.txt"
    header = path.read_text("utf-8").splitlines()[0] + "\n"
    required = pins((ROOT / "requirements.txt").read_text("utf-8"))
    path.write_text(as_constraints(header, frozen, required), "utf-8")


def licence(distribution: metadata.Distribution) -> str:
    """Say what a distribution says of its licence: expression, classifier, or a short text."""
    facts = distribution.metadata
    if expression := facts.get("License-Expression"):
        return expression
    prefix = "License :: "
    named = [line for line in facts.get_all("Classifier") or () if line.startswith(prefix)]
    words = [line.rpartition(" :: ")[2] for line in named if line != "License :: OSI Approved"]
    if words:
        return ", ".join(sorted(words))
    text = (facts.get("License") or "").strip()
    return text.splitlines()[0][:60] if text else UNKNOWN


def licences() -> Iterator[tuple[str, str, str]]:
    """Yield name, version and licence of what is pinned and installed, in the order of names."""
    texts = [(ROOT / name).read_text("utf-8") for name in ("requirements.txt", "constraints.txt")]
    pinned = {name for text in texts for name in pins(text)}
    for each in sorted(metadata.distributions(), key=lambda each: canonical(each.name)):
        if canonical(each.name) in pinned:
            yield each.name, each.version, licence(each)


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["refresh", "licences"])
    if parser.parse_args().what == "refresh":
        refresh()
        return
    for row in licences():
        sys.stdout.write("{:<28} {:<16} {}\n".format(*row))


if __name__ == "__main__":
    main()
