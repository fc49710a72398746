"""``python -m imgurer_kernel``: the same as the command ``imgurer``."""

import sys

from imgurer_kernel.apps.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
