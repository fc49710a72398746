"""The result of an upload, and its message to the browser."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of an upload, as shown in its row.

    Attributes
    ----------
    status
        ``"added"``, ``"duplicate"`` (the same bytes are stored), ``"near"`` (a near duplicate is
        stored), ``"ready"`` (read but not stored: a picture to search for), ``"rejected"`` (not a
        picture) or ``"failed"`` (may be tried again).
    text
        Text for the user, such as ``"rejected: the file is cut off after 40 %"``; empty for the
        status in words.
    thumbnail, image_id
        JPEG of the picture, and its id; empty and -1 if there is none.
    match_thumbnail, match_text, match_image_id
        The same for the picture that it equals or resembles, with a text such as
        ``"beach.jpg, added by ann"``.
    """

    status: Literal["added", "duplicate", "near", "ready", "rejected", "failed"]
    text: str = ""
    thumbnail: bytes = b""
    image_id: int = -1
    match_thumbnail: bytes | None = None
    match_text: str = ""
    match_image_id: int = -1


def verdict_message(key: str, verdict: Verdict) -> tuple[dict[str, Any], list[bytes]]:
    """Make the message to the browser for a verdict, with its two pictures."""
    content = {
        "kind": "verdict",
        "key": key,
        "status": verdict.status,
        "text": verdict.text,
        "image_id": verdict.image_id,
        "match": verdict.match_thumbnail is not None,
        "match_text": verdict.match_text,
        "match_image_id": verdict.match_image_id,
    }
    return content, [verdict.thumbnail, verdict.match_thumbnail or b""]
