"""The page on which admins see recent acts, decisions, logins and changes of accounts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tornado.web import HTTPError

from imgurer_kernel.apps.server.pages import BaseHandler
from imgurer_kernel.common.event_log import path_of
from imgurer_kernel.common.text import count
from imgurer_kernel.errors import NotAllowed

# DuckDB is imported at first use: a server without a login does not need it.
if TYPE_CHECKING:
    from imgurer_kernel.apps.server.auth import PasswordIdentityProvider
    from imgurer_kernel.store.catalog import Catalog

MOST = 200
"""Most rows shown; `imgurer review journal` and the log have all."""

_LOG_BYTES = 256 << 10
"""Bytes read from the end of the log."""

_COMMON = ("at", "event", "process", "by", "user")


@dataclass(frozen=True, slots=True, order=True)
class AuditRow:
    """One event: time (UTC), user, event, and its object."""

    at: str
    user: str
    what: str
    which: str


def is_admin(catalog: "Catalog", user: str) -> bool:
    """Return whether an account is an admin's."""
    from imgurer_kernel.store.catalog import users

    return catalog.run(users.account, user).role == "admin"


def read_audit(catalog: "Catalog", user: str, root: Path) -> list[AuditRow]:
    """Return recent events, the latest first, at most `MOST` rows.

    Raises
    ------
    NotAllowed
        If the user is not an admin.
    """
    from imgurer_kernel.store.catalog import decisions, journal

    if not is_admin(catalog, user):
        message = f"{user} is not an admin, and only admins see what others do"
        raise NotAllowed(message)
    acts = catalog.run(journal.listed).head(MOST)
    rows = [
        AuditRow(
            _second(act["begun_at"]), act["user"], f"{act['act']} ({act['state']})", act["filename"]
        )
        for act in acts.to_dict("records")
    ]
    rows += [
        AuditRow(
            _second(each.decided_at),
            each.user,
            f"decided: {each.verdict}",
            f"{count(len(each.digests), 'picture')} {each.digests[0][:12]} {each.reason}".strip(),
        )
        for each in catalog.run(decisions.all_decisions)[-MOST:]
    ]
    rows += _logged(path_of(root))
    return sorted(rows, reverse=True)[:MOST]


def _logged(path: Path) -> Iterator[AuditRow]:
    """Yield events from the end of the log, without routine ones."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return  # no server has written a log yet, or it is being rotated
    for line in lines:
        try:
            event = json.loads(line)
            at = _second(datetime.fromisoformat(event["at"]))
        except (ValueError, KeyError, TypeError):
            continue  # the first line may be cut off
        about = [event.get("user", "")] if event.get("by") else []
        about += [f"{name} {value}" for name, value in event.items() if name not in _COMMON]
        who = event.get("by") or event.get("user", "")
        yield AuditRow(at, str(who), str(event["event"]), ", ".join(filter(None, about))[:200])


def _second(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


class AuditHandler(BaseHandler):
    """Shows the audit page to admins."""

    async def get(self) -> None:
        """Show the list."""
        session = self.provider.session(self)
        if session is None:
            raise HTTPError(403)
        passwords = cast("PasswordIdentityProvider", self.identity_provider)
        root = self.settings["imgurer_root"]
        try:
            rows = await passwords.read(read_audit, session.user, root)
        except NotAllowed as error:
            raise HTTPError(403) from error
        self.render_page("audit.html", rows=rows, most=MOST)
