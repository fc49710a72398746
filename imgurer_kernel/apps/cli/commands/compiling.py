"""The command that compiles machine code ahead of time."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.resources import files
from multiprocessing import get_context

from imgurer_kernel.apps.cli.command import EXIT_DONE, Call, command
from imgurer_kernel.common.text import count
from imgurer_kernel.common.threads import cores

_COMPILED = ("fingerprint", "index", "matching")


@command("compile")
def compile_all(call: Call) -> int:
    """Compile the code that searches and compares, so that no search has to wait for it."""
    names = list(modules())
    # Processes, since the compiler holds the interpreter's lock; spawned ones, since numba chooses
    # its cache folder when a module is imported.
    with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
        for _ in pool.map(_compile, names):
            pass
    call.out.write_line(f"{count(len(names), 'module')} compiled")
    return EXIT_DONE


def modules() -> Iterator[str]:
    """List the modules with machine code, the slowest to compile first.

    Examples
    --------
    >>> "imgurer_kernel.index._numba.bktree" in modules()
    True
    """
    found = []
    for name in _COMPILED:
        package = f"imgurer_kernel.{name}._numba"
        for file in files(package).iterdir():
            if file.name.endswith(".py") and file.name != "__init__.py":
                size = len(file.read_bytes())
                found.append((-size, f"{package}.{file.name.removesuffix('.py')}"))
    # Modules that call others compile these too: begin with them, beside the independent ones.
    first = [name for _, name in sorted(found) if name.endswith(".agreement")]
    yield from (*first, *(name for _, name in sorted(found) if name not in first))


def _compile(name: str) -> None:
    import_module(name)
