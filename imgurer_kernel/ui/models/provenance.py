"""Describe who has a picture, as far as the visitor may see."""

from imgurer_kernel.common.text import count, join_words
from imgurer_kernel.ui.session import VisitorSession


def provenance(session: VisitorSession, image_id: int) -> str:
    """Describe who added a picture, such as ``"added by you and 1 other person"``.

    Members do not see the names of others. Empty if the picture has no owner any more.
    """
    users = set(session.workbench.holdings(image_id=image_id)["user"])
    visitor = session.account().name
    others = sorted(users - {visitor})
    whose = ["you"] if visitor in users else []
    if session.is_admin:
        whose += others[:3]
    elif others:
        whose.append(count(len(others), "other person", "other people"))
    return f"added by {join_words(whose)}" if whose else ""
