"""The users tab: the table of accounts, a form for a new one, and the visitor's own password."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets
import pandas as pd

from imgurer_kernel.common.text import ago, count, human_bytes
from imgurer_kernel.store.users import LOCAL
from imgurer_kernel.ui.models.users import UsersModel
from imgurer_kernel.ui.panels.base import (
    Message,
    Panel,
    button,
    dropdown,
    hbox,
    set_visible,
    vbox,
)
from imgurer_kernel.ui.session import row_dicts
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.user_table import AccountRow, AccountTable

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_NO_LOGIN = (
    "This dashboard runs without a login, for you alone. Accounts are for the day on which it is "
    "served to others, with a login."
)


class UsersPanel(Panel):
    """Accounts: all of them for admins, their own for members.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        The viewing user, if it is shown alone; None for the single-user mode.
    """

    def __init__(self, workbench: "Workbench | VisitorSession", user: str | None = None) -> None:
        super().__init__(workbench, user)
        self.model = UsersModel(self.session)
        self.table = AccountTable(self._run_or_confirm)
        self.progress = ProgressLine(self.model.job)
        self.message = Message()
        self.question = Message()
        self.new_password = ipywidgets.Password(
            description="New password", placeholder="At least 8 characters"
        )
        self.confirm_button, self.cancel_button = button("Disable"), button("Cancel")
        self.confirmation = vbox(
            self.question,
            hbox(self.new_password, self.confirm_button, self.cancel_button),
            classes="imgurer-confirm",
        )
        self.form = _AccountForm(self.model)
        self.own = _PasswordForm(self.model)
        note = Message()
        note.show(_NO_LOGIN if self.session.user is None else "", "")
        main = vbox(note, self.progress, self.table, self.confirmation, classes="imgurer-main")
        side = vbox(
            self.form,
            self.message,
            ProgressLine(self.model.action_job),
            self.own,
            classes="imgurer-side",
        )
        self.set_parts(vbox(main, side, classes="imgurer-columns imgurer-columns-end"))

        self._pending = ("", "")
        self.confirm_button.on_click(lambda _: self._run_pending())
        self.cancel_button.on_click(lambda _: self._close_confirmation())
        self.model.observe(self._show, "accounts")
        self.model.observe(lambda _: self.message.show(self.model.message, "done"), "message")
        self.message.show("")
        set_visible(self.confirmation, visible=False)
        self._show(None)
        if self.standalone:
            self.model.load()

    def _show(self, _: object) -> None:
        accounts = self.model.accounts
        admin = self.session.is_admin
        set_visible(self.form, visible=admin)
        set_visible(self.own, visible=accounts is not None and self.session.user is not None)
        if accounts is not None:
            visitor = self.session.account().name if admin else ""
            self.table.show(account_rows(accounts, visitor, datetime.now(UTC)))

    def _run_or_confirm(self, action: str, name: str) -> None:
        """Run actions that one click can undo; ask for confirmation before others."""
        if action == "enable":
            self.model.enable(name)
            return
        if action in {"admin", "member"}:
            self.model.set_role(name, action)  # type: ignore[arg-type]
            return
        self._pending = (action, name)
        self.new_password.value = ""  # drop a password typed for another account
        set_visible(self.new_password, visible=action == "password")
        self.question.show(question(action, name, self.model.pictures_of(name)), "attention")
        self.confirm_button.description = (
            f"Disable {name}" if action == "disable" else "Set the password"
        )
        self.confirm_button.button_style = "danger" if action == "disable" else "primary"
        set_visible(self.confirmation, visible=True)
        (self.new_password if action == "password" else self.confirm_button).focus()

    def _run_pending(self) -> None:
        action, name = self._pending
        if action == "disable":
            self._close_confirmation()
            self.model.disable(name)
        else:
            self.model.set_password(name, self.new_password.value, self._close_confirmation)

    def _close_confirmation(self) -> None:
        """Hide the question; the focus returns to the button that asked it."""
        set_visible(self.confirmation, visible=False)
        self.table.focus_action(*self._pending)


class _AccountForm(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The form for a new account."""

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


class _PasswordForm(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The form for the visitor's own password."""

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
    """Make the rows of the table.

    Parameters
    ----------
    admin
        Name of the viewing admin; empty for a member, who gets no actions.
    """
    return [_account_row(record, admin, now) for record in row_dicts(accounts)]


def _account_row(record: dict[str, Any], admin: str, now: datetime) -> AccountRow:
    name, enabled = str(record["name"]), bool(record["enabled"])
    seen = record["last_seen"]
    local = name == LOCAL
    state = "can log in" if enabled else "disabled"
    return AccountRow(
        name=name,
        role=str(record["role"]),
        pictures=f"{int(record['pictures']):,}",
        bytes=human_bytes(int(record["bytes"])),
        last_seen="never" if pd.isna(seen) else ago(seen, now),
        state="without a login" if local else state,
        enabled=enabled,
        actions=_actions(record, own=name == admin) if admin and not local else (),
    )


def _actions(record: dict[str, Any], *, own: bool) -> tuple[tuple[str, str], ...]:
    password = ("password", "New password")
    if own:
        return (password,)
    role = ("member", "Make a member") if record["role"] == "admin" else ("admin", "Make an admin")
    lock = ("disable", "Disable") if record["enabled"] else ("enable", "Enable")
    return (role, password, lock)


def question(action: str, name: str, pictures: int) -> str:
    """Make the question before an action, with its consequence.

    Examples
    --------
    >>> question("password", "ann", 1)
    'Give ann another password? Where the account is logged in now, that ends.'
    """
    if action == "password":
        return f"Give {name} another password? Where the account is logged in now, that ends."
    stays = f"Its {count(pictures, 'picture')} {'stays' if pictures == 1 else 'stay'}"
    kept = f" {stays} and can still be found." if pictures else ""
    return (
        f"Disable {name}? The account can no longer log in, and where it is logged in now, that "
        f"ends.{kept} An admin can enable it again."
    )
