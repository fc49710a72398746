"""`Workbench`, the facade over store, matching, review and report, and its services.

`methods` has its methods by what they do; the services that answer them are in `search` and
`clusters`, and read a store by `pictures`. Here a store's pictures meet what searches and compares
them. Widgets, commands and servers are above and call this; nothing in here knows of them.
"""

from imgurer_kernel.workbench.workbench import Workbench

__all__ = ["Workbench"]
