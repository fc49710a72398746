"""The dashboard as a web page: Voila, locked down, with a login where one is wanted."""

from imgurer_kernel.server.serving import serve

__all__ = ["serve"]
