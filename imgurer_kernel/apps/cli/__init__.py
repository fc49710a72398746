"""The command line: `imgurer` and ``python -m imgurer_kernel``.

`command` declares commands and their arguments, `parser` builds the grammar and runs one, `output`
prints tables, JSON and errors; the commands are in `commands`. A command calls one method of the
workbench and prints the answer; other logic belongs in `imgurer_kernel.workbench`.
"""
