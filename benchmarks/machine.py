"""Where and how a benchmark ran, without a word that would name the machine; and what it took."""

import importlib.metadata
import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Taken:
    """Seconds by the clock, and of all cores together."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def timed() -> Iterator[Taken]:
    """What the block took; on a busy machine the seconds of the cores are the truer figure."""
    taken, before, begun = Taken(), cpu_seconds(), time.perf_counter()
    yield taken
    taken.wall, taken.cpu = time.perf_counter() - begun, cpu_seconds() - before


def cpu_seconds(*, children: bool = False) -> float:
    """Seconds of all cores that this process took, and with it its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)[: 1 + children]
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


def describe(packages: tuple[str, ...]) -> str:
    """Processor, cores, load, and the versions of the packages that are installed."""
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text("utf-8").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = named[0] if named else processor
    versions = [f"{name} {version}" for name in packages if (version := version_of(name))]
    return (
        f"{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python "
        f"{platform.python_version()}, {', '.join(versions)}"
    )


def peak_memory() -> str:
    """The most that this process took, in words."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"at most {kilobytes / 1024:,.0f} MB"


def version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def table(head: list[str], rows: list[list[object]], left: tuple[int, ...] = (0,)) -> list[str]:
    """Lines of a table in Markdown; numbers to the right, the columns of `left` to the left."""
    rule = ["---" if column in left else "---:" for column in range(len(head))]
    lines = [head, rule, *(["" if cell is None else str(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
