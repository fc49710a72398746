"""``python -m imgurer_kernel``: the same as the command ``imgurer``."""

import sys

from imgurer_kernel.cli import main

if __name__ == "__main__":
    sys.exit(main())
