"""The dashboard as a web page: Voila, locked down, with a login where one is wanted."""

import sys

# Jupyter's validator of schemas would build a grammar of international addresses as soon as it is
# imported, which is two of the four seconds that a start takes. Without that package it does
# without that check, and there is nothing here that it would check.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from imgurer_kernel.apps.server.app import serve  # noqa: E402

__all__ = ["serve"]
