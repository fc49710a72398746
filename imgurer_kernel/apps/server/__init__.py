"""The dashboard as a web page: Voila, locked down, with an optional login.

The only package that imports Voila, tornado and Jupyter's server. The content of a page is made by
`imgurer_kernel.ui`, in a kernel of its own for each visitor.
"""

from imgurer_kernel.apps.server.optional_imports import left_out

with left_out("rfc3987_syntax"):
    from imgurer_kernel.apps.server.app import serve

__all__ = ["serve"]
