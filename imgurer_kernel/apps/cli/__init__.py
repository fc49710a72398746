"""The command line: `imgurer` and ``python -m imgurer_kernel``."""
