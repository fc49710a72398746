"""What each command does: one function each, with its arguments declared above it.

Importing a module declares its commands, and the order of the help is that of these imports.
"""

from imgurer_kernel.apps.cli.command import COMMANDS as COMMANDS
from imgurer_kernel.apps.cli.command import GROUPS as GROUPS

# isort: off
from imgurer_kernel.apps.cli.commands import find as find
from imgurer_kernel.apps.cli.commands import pictures as pictures
from imgurer_kernel.apps.cli.commands import clusters as clusters
from imgurer_kernel.apps.cli.commands import review as review
from imgurer_kernel.apps.cli.commands import trash as trash
from imgurer_kernel.apps.cli.commands import accounts as accounts
from imgurer_kernel.apps.cli.commands import store as store
from imgurer_kernel.apps.cli.commands import doctor as doctor
from imgurer_kernel.apps.cli.commands import compiling as compiling
from imgurer_kernel.apps.cli.commands import serve as serve
# isort: on
