"""Accounts: list them, and change them as an admin or as the visitor may."""

from collections.abc import Callable

import pandas as pd
from traitlets import HasTraits, Instance, Unicode

from imgurer_kernel.common.records import Role
from imgurer_kernel.errors import NotAllowed
from imgurer_kernel.store.password_change import change_password
from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.session import VisitorSession


class UsersModel(HasTraits):
    """The state and actions of the users panel; members see themselves only.

    Traits
    ------
    accounts
        Rows of `Users.list` that the visitor may see; None before they are read.
    message
        Describes the last action.
    """

    accounts = Instance(pd.DataFrame, allow_none=True)
    message = Unicode()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.action_job = session.job()

    def load(self) -> None:
        """Read the accounts."""
        self.job.start("Reading accounts", self._read, self._show)

    def pictures_of(self, name: str) -> int:
        """Count the pictures of an account."""
        if self.accounts is None:
            return 0
        return int(self.accounts.loc[self.accounts["name"] == name, "pictures"].sum())

    def create(self, name: str, password: str, role: Role, on_done: Callable[[], None]) -> None:
        """Create an account; call `on_done` on success."""

        def work(_: Task) -> str:
            # Checked in each action, by the store: hiding an admin's buttons protects nothing.
            self.session.require_admin()
            made = self.session.workbench.accounts.create(name.strip(), password, role)
            return f"{made.name} can log in now, as {_article(made.role)}."

        self._start("Creating the account", work, on_done)

    def disable(self, name: str) -> None:
        """Disable an account; the caller has asked for confirmation."""

        def work(_: Task) -> str:
            self.session.require_admin()
            if name == self.session.account().name:
                message = "your own account cannot be disabled by yourself; ask another admin"
                raise NotAllowed(message)
            self.session.workbench.accounts.disable(name)
            return f"{name} is disabled and can no longer log in. The pictures stay."

        self._start("Disabling the account", work)

    def enable(self, name: str) -> None:
        """Enable an account."""

        def work(_: Task) -> str:
            self.session.require_admin()
            self.session.workbench.accounts.enable(name)
            return f"{name} can log in again."

        self._start("Enabling the account", work)

    def set_role(self, name: str, role: Role) -> None:
        """Set the role of an account."""

        def work(_: Task) -> str:
            self.session.require_admin()
            self.session.workbench.accounts.set_role(name, role)
            return f"{name} is now {_article(role)}."

        self._start("Changing the role", work)

    def set_password(self, name: str, password: str, on_done: Callable[[], None]) -> None:
        """Set a user's password, as an admin."""

        def work(_: Task) -> str:
            self.session.require_admin()
            self.session.workbench.accounts.set_password(name, password)
            return f"{name} has a new password, and has to log in with it."

        self._start("Setting the password", work, on_done)

    def change_own_password(self, old: str, new: str, on_done: Callable[[], None]) -> None:
        """Change the visitor's own password, given the present one."""

        def work(_: Task) -> str:
            accounts = self.session.workbench.accounts
            change_password(accounts, self.session.account().name, old, new)
            return "Your password is changed. Log in with the new one from now on."

        self._start("Changing your password", work, on_done)

    def _start(
        self, label: str, work: Callable[[Task], str], on_done: Callable[[], None] | None = None
    ) -> None:
        def show_message(message: str) -> None:
            self.message = message
            if on_done is not None:
                on_done()
            self.load()

        self.message = ""
        self.action_job.start(label, work, show_message)

    def _read(self, _: Task) -> pd.DataFrame:
        name = self.session.account().name
        accounts = self.session.workbench.accounts.list()
        if not self.session.is_admin:
            accounts = accounts[accounts["name"] == name]
        return accounts.sort_values("name", ignore_index=True)

    def _show(self, accounts: pd.DataFrame) -> None:
        self.accounts = accounts


def _article(role: Role) -> str:
    return "an admin" if role == "admin" else "a member"
