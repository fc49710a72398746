"""Draw all sample pictures into a folder: ``python -m tools.draw_samples data/pictures``."""

import argparse
import os
import sys
from pathlib import Path

from tools.draw_samples.files import write_pictures


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, draw, and say what was drawn."""
    parser = argparse.ArgumentParser(prog="python -m tools.draw_samples", description=__doc__)
    parser.add_argument("out", type=Path, help="folder, made if missing")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other pictures")
    asked = parser.parse_args(arguments)
    rows = write_pictures(asked.out, asked.seed, os.cpu_count() or 1)
    size = sum((asked.out / row.file).stat().st_size for row in rows)
    sys.stdout.write(f"{asked.out}: {len(rows)} pictures, {size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
