"""Find where a request comes from (W3C "Fetch Metadata Request Headers").

Browsers send these headers, and scripts of pages cannot change them. Other programs send none; for
them the login alone decides. "Same site" is not enough: all ports of this machine are one site, and
each may belong to another program.
"""

from collections.abc import Mapping

_OWN = frozenset({"same-origin", "none"})
"""``none``: navigation by the user, such as the address bar, a bookmark or another program."""


def is_top_level(headers: Mapping[str, str]) -> bool:
    """Return whether a request navigates a window or tab, rather than loads part of a page.

    >>> is_top_level({}), is_top_level({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"})
    (True, False)
    """
    return (
        headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and headers.get("Sec-Fetch-Dest", "document") == "document"
        and "prefetch" not in headers.get("Sec-Purpose", headers.get("Purpose", ""))
    )


def is_foreign(headers: Mapping[str, str], method: str | None) -> bool:
    """Return whether another site's page sent a request, other than by following a link.

    >>> is_foreign({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, "POST")
    False
    >>> is_foreign({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, "GET")
    True
    >>> link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    >>> is_foreign(link, "GET"), is_foreign(link, "POST")
    (False, True)
    """
    if headers.get("Sec-Fetch-Site", "none") in _OWN:
        return False
    named = "Sec-Fetch-Mode" in headers
    return not (method == "GET" and named and is_top_level(headers))
