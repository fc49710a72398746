"""Commands about accounts: ``imgurer users ...``."""

from imgurer_kernel.apps.cli.command import (
    CREATE_HERE,
    EXIT_DONE,
    GROUPS,
    Call,
    argument,
    command,
    either_or,
    noted,
    size,
)
from imgurer_kernel.apps.cli.output import read_password
from imgurer_kernel.common.event_log import note
from imgurer_kernel.common.text import count
from imgurer_kernel.store.quotas import EVERYBODY, Quotas
from imgurer_kernel.store.sessions import Sessions
from imgurer_kernel.store.users import LOCAL
from imgurer_kernel.workbench.workbench import Workbench

GROUPS["users"] = "Manage accounts."

_NAME = argument("name", metavar="NAME")
# Never an argument: other users of the machine can read the arguments of a process.
_PASSWORD_STDIN = argument(
    "--password-stdin", action="store_true", help="read the password from standard input"
)


@command("users list")
def list_accounts(call: Call) -> int:
    """List accounts."""
    with call.workbench() as wb:
        call.out.write_table(wb.users())
    return EXIT_DONE


@command(
    "users add",
    _PASSWORD_STDIN,
    _NAME,
    argument("--role", choices=["admin", "member"], default="member"),
    CREATE_HERE,
)
def add_account(call: Call) -> int:
    """Make an account."""
    with noted(call.workbench_made()) as wb:
        password = read_password(from_stdin=call.arguments.password_stdin)
        account = wb.accounts.create(call.arguments.name, password, role=call.arguments.role)
        return _write_account(call, wb, f"can log in now, as {account.role}")


@command("users passwd", _PASSWORD_STDIN, _NAME)
def change_password(call: Call) -> int:
    """Change a password."""
    with noted(call.workbench()) as wb:
        # Before asking for the password, so that an unknown name fails immediately.
        name = wb.accounts.get(call.arguments.name).name
        wb.accounts.set_password(name, read_password(from_stdin=call.arguments.password_stdin))
        return _write_account(
            call, wb, "has another password now; sessions under the old one are over"
        )


@command("users disable", _NAME)
def disable_account(call: Call) -> int:
    """Lock an account."""
    with noted(call.workbench()) as wb:
        wb.accounts.disable(call.arguments.name)
        return _write_account(call, wb, "cannot log in any more; all pictures stay")


@command("users enable", _NAME)
def enable_account(call: Call) -> int:
    """Unlock an account."""
    with noted(call.workbench()) as wb:
        wb.accounts.enable(call.arguments.name)
        return _write_account(call, wb, "can log in again")


@command(
    "users adopt",
    _NAME,
    argument(
        "--from",
        dest="giver",
        default=LOCAL,
        metavar="OTHER",
        help=f"whose files; default {LOCAL}, who has what was ingested without a login",
    ),
)
def adopt_files(call: Call) -> int:
    """Give an account the files that were ingested without a login."""
    with noted(call.workbench()) as wb:
        number = wb.accounts.adopt(call.arguments.name, call.arguments.giver)
        return _write_account(call, wb, f"has {count(number, 'more file')} now")


@command("users sessions", _NAME)
def list_sessions(call: Call) -> int:
    """List where an account is logged in."""
    with call.workbench() as wb:
        name = wb.accounts.get(call.arguments.name).name
        call.out.write_table(Sessions(wb.accounts.catalog).list(name))
    return EXIT_DONE


@command("users logout", _NAME)
def end_sessions(call: Call) -> int:
    """Log an account out everywhere."""
    with noted(call.workbench()) as wb:
        name = wb.accounts.get(call.arguments.name).name
        ended = Sessions(wb.accounts.catalog).end_all(name)
        note("logout", user=name, session="all")
        return _write_account(call, wb, f"is logged out of {count(ended, 'browser')}")


@command(
    "users quota",
    argument("name", nargs="?", default=EVERYBODY, metavar="NAME", help="default: all together"),
    either_or(
        argument("--set", type=size, metavar="BYTES", help="how much, such as 500M or 20G"),
        argument("--unset", action="store_true", help="remove the limit"),
    ),
)
def bound_uploads(call: Call) -> int:
    """Set how much accounts may upload, each or all together; without options, list the quotas."""
    with noted(call.workbench()) as wb:
        quotas = Quotas(wb.accounts.catalog)
        if call.arguments.set is not None or call.arguments.unset:
            quotas.set(call.arguments.name, call.arguments.set)
        call.out.write_table(quotas.list())
    return EXIT_DONE


def _write_account(call: Call, wb: Workbench, change: str) -> int:
    """Print an account as it is now: its row as JSON, or a sentence about the change."""
    name = wb.accounts.get(call.arguments.name).name
    if call.out.json:
        users = wb.users()
        call.out.write_table(users[users["name"] == name])
    call.out.write_line(f"{name} {change}")
    return EXIT_DONE
