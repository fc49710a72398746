"""`Workbench`, the facade over store, matching, review and report, and its services.

`methods` has its methods, grouped by task; the services behind them are in `search` and `clusters`,
and read a store through `pictures`. This package connects a store's pictures with the code that
searches and compares them. Widgets, commands and servers import it; it imports none of them.
"""

from imgurer_kernel.workbench.workbench import Workbench

__all__ = ["Workbench"]
