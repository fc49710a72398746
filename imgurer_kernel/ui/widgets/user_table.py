"""The table of accounts, with the actions for each row."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account as shown in the table.

    Attributes
    ----------
    state
        State in words, such as ``"can log in"``.
    enabled
        Sets the icon beside the state.
    actions
        Possible actions, each (name, label): the name is sent back when it is chosen.
    """

    name: str
    role: str
    pictures: str
    bytes: str
    last_seen: str
    state: str
    enabled: bool
    actions: tuple[tuple[str, str], ...] = ()


class AccountTable(anywidget.AnyWidget):
    """A table of accounts.

    Parameters
    ----------
    on_action
        Called with the names of an action and of an account.
    """

    _esm = script("widgets/common.js", "widgets/user_table.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/user_table.css")
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, on_action: Callable[[str, str], None]) -> None:
        super().__init__()
        self._on_action = on_action
        receive_messages(self, self._receive)

    def show(self, rows: Sequence[AccountRow]) -> None:
        """Replace the rows."""
        self.rows = [asdict(row) for row in rows]

    def focus_action(self, action: str, name: str) -> None:
        """Focus the button of an action of an account, if what had the focus is gone."""
        self.send({"kind": "focus", "action": action, "name": name})

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        for row in self.rows:
            offered = [action for action, _ in row["actions"]]
            # Only actions offered by the row are run, whatever a page sends.
            if row["name"] == message.get("name") and message.get("action") in offered:
                self._on_action(str(message["action"]), str(row["name"]))
