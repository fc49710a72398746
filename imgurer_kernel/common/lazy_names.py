"""Public names of a package that are imported when they are first used (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and the ``__dir__`` of a package.

    Parameters
    ----------
    package
        Its ``__name__``.
    modules
        For each public name the module of the package that defines it.

    Examples
    --------
    >>> get, names = lazy_names("imgurer_kernel", {"Settings": "settings"})
    >>> get("Settings").__name__, names()
    ('Settings', ['Settings'])
    >>> get("other")
    Traceback (most recent call last):
    AttributeError: module 'imgurer_kernel' has no attribute 'other'
    """

    def get(name: str) -> object:
        if name in modules:
            return getattr(import_module(f"{package}.{modules[name]}"), name)
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)

    return get, lambda: sorted(modules)
