"""The users tab: who there is, and a form."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets
import pandas as pd

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.ui.formatting import ago
from imgurer_kernel.ui.models.users import UsersModel
from imgurer_kernel.ui.panels.base import Panel, Words, box, button, dropdown, row, show
from imgurer_kernel.ui.session import records
from imgurer_kernel.ui.widgets.controls import Working
from imgurer_kernel.ui.widgets.user_table import AccountRow, AccountTable

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_LOCAL = "local"
_NO_LOGIN = (
    "This dashboard runs without a login, for you alone. Accounts are for the day on which it is "
    "served to others, with a login."
)


class UsersPanel(Panel):
    """Accounts: for admins all of them, for members their own.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        Who looks at it, where it is shown alone; None for the single-user mode.
    """

    def __init__(self, workbench: "Workbench | VisitorSession", user: str | None = None) -> None:
        super().__init__(workbench, user)
        self.model = UsersModel(self.session)
        self.table = AccountTable(self._ask)
        self.working = Working(self.model.job)
        self.said = Words()
        self.question = Words()
        self.new_password = ipywidgets.Password(
            description="New password", placeholder="At least 8 characters"
        )
        self.sure, self.keep = button("Disable"), button("Cancel")
        self.asking = box(
            self.question, row(self.new_password, self.sure, self.keep), classes="imgurer-asking"
        )
        self.form = _Form(self.model)
        self.own = _OwnPassword(self.model)
        note = Words()
        note.tell(_NO_LOGIN if self.session.user is None else "", "")
        main = box(note, self.working, self.table, self.asking, classes="imgurer-main")
        side = box(self.form, self.own, self.said, Working(self.model.acts), classes="imgurer-side")
        self.arrange(box(main, side, classes="imgurer-columns imgurer-columns-end"))

        self._asked = ("", "")
        self.sure.on_click(lambda _: self._do())
        self.keep.on_click(lambda _: self._hide())
        self.model.observe(self._show, "accounts")
        self.model.observe(lambda _: self.said.tell(self.model.said, "done"), "said")
        self.said.tell("")
        self._hide()
        self._show(None)
        if self.alone:
            self.model.load()

    def _show(self, _: object) -> None:
        accounts = self.model.accounts
        admin = self.session.is_admin
        show(self.form, visible=admin)
        show(self.own, visible=accounts is not None and self.session.user is not None)
        if accounts is not None:
            visitor = self.session.account().name if admin else ""
            self.table.show(account_rows(accounts, visitor, datetime.now(UTC)))

    def _ask(self, act: str, name: str) -> None:
        """Do what can be undone with one click; ask once about the rest."""
        if act == "enable":
            self.model.enable(name)
            return
        if act in {"admin", "member"}:
            self.model.set_role(name, act)  # type: ignore[arg-type]
            return
        self._asked = (act, name)
        self.new_password.value = ""
        show(self.new_password, visible=act == "password")
        self.question.tell(question(act, name, self.model.pictures_of(name)), "attention")
        self.sure.description = f"Disable {name}" if act == "disable" else "Set the password"
        self.sure.button_style = "danger" if act == "disable" else "primary"
        show(self.asking, visible=True)

    def _do(self) -> None:
        act, name = self._asked
        if act == "disable":
            self._hide()
            self.model.disable(name)
        else:
            self.model.set_password(name, self.new_password.value, self._hide)

    def _hide(self) -> None:
        show(self.asking, visible=False)


class _Form(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A new account."""

    def __init__(self, model: UsersModel) -> None:
        self.name = ipywidgets.Text(description="Name", placeholder="Such as ann")
        self.password = ipywidgets.Password(
            description="Password", placeholder="At least 8 characters"
        )
        self.role = dropdown({"member": "Member", "admin": "Admin"}, "member", "Role")
        self.create = button("Create the account", style="primary")
        heading = ipywidgets.HTML("<h3>New account</h3>")
        super().__init__([heading, self.name, self.password, self.role, self.create])
        self.add_class("imgurer-card")
        self.create.on_click(
            lambda _: model.create(
                self.name.value, self.password.value, self.role.value, self._clear
            )
        )

    def _clear(self) -> None:
        self.name.value = self.password.value = ""


class _OwnPassword(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The visitor's own password."""

    def __init__(self, model: UsersModel) -> None:
        self.old = ipywidgets.Password(description="Present password")
        self.new = ipywidgets.Password(
            description="New password", placeholder="At least 8 characters"
        )
        self.change = button("Change my password")
        heading = ipywidgets.HTML("<h3>My password</h3>")
        super().__init__([heading, self.old, self.new, self.change])
        self.add_class("imgurer-card")
        self.change.on_click(
            lambda _: model.change_own_password(self.old.value, self.new.value, self._clear)
        )

    def _clear(self) -> None:
        self.old.value = self.new.value = ""


def account_rows(accounts: pd.DataFrame, admin: str, now: datetime) -> list[AccountRow]:
    """Accounts in words.

    Parameters
    ----------
    admin
        Name of the admin who looks at them; empty for a member, who may do nothing here.
    """
    return [_account_row(record, admin, now) for record in records(accounts)]


def _account_row(record: dict[str, Any], admin: str, now: datetime) -> AccountRow:
    name, enabled = str(record["name"]), bool(record["enabled"])
    seen = record["last_seen"]
    local = name == _LOCAL
    state = "can log in" if enabled else "disabled"
    return AccountRow(
        name=name,
        role=str(record["role"]),
        pictures=f"{int(record['pictures']):,}",
        bytes=human_bytes(int(record["bytes"])),
        last_seen="never" if pd.isna(seen) else ago(seen, now),
        state="without a login" if local else state,
        enabled=enabled,
        acts=_acts(record, own=name == admin) if admin and not local else (),
    )


def _acts(record: dict[str, Any], *, own: bool) -> tuple[tuple[str, str], ...]:
    password = ("password", "New password")
    if own:
        return (password,)
    role = ("member", "Make a member") if record["role"] == "admin" else ("admin", "Make an admin")
    lock = ("disable", "Disable") if record["enabled"] else ("enable", "Enable")
    return (role, password, lock)


def question(act: str, name: str, pictures: int) -> str:
    """What is asked before an act, and what it will do.

    Examples
    --------
    >>> question("password", "ann", 1)
    'Give ann another password? Where the account is logged in now, that ends.'
    """
    if act == "password":
        return f"Give {name} another password? Where the account is logged in now, that ends."
    stays = f"Its {count(pictures, 'picture')} {'stays' if pictures == 1 else 'stay'}"
    kept = f" {stays} and can still be found." if pictures else ""
    return (
        f"Disable {name}? The account can no longer log in, and where it is logged in now, that "
        f"ends.{kept} An admin can enable it again."
    )
