"""The commands: one function each, with its arguments declared above it.

Importing a module declares its commands; this module puts them in the order of the help.
"""

from imgurer_kernel.apps.cli.command import COMMANDS as COMMANDS
from imgurer_kernel.apps.cli.command import GROUPS as GROUPS
from imgurer_kernel.apps.cli.commands import (
    accounts,
    clusters,
    compiling,
    doctor,
    find,
    pictures,
    review,
    serve,
    store,
    trash,
)

_MODULES = (find, pictures, clusters, review, trash, accounts, store, doctor, compiling, serve)
_ORDER = [module.__name__ for module in _MODULES]
COMMANDS.sort(key=lambda command: _ORDER.index(command.run.__module__))
