"""`imgurer compile` compiles all modules with machine code."""

from importlib import import_module
from pathlib import Path

import imgurer_kernel
from imgurer_kernel.apps.cli.commands import compiling
from imgurer_kernel.apps.cli.parser import main


def test_every_module_with_machine_code_is_compiled_once():
    package = Path(imgurer_kernel.__file__).parent
    expected = {
        ".".join(("imgurer_kernel", *path.relative_to(package).with_suffix("").parts))
        for path in package.rglob("_numba/*.py")
        if path.name != "__init__.py"
    }
    found = list(compiling.modules())
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_command_says_what_it_has_done(capsys, monkeypatch):
    names = ["imgurer_kernel.index._numba.popcount"]
    monkeypatch.setattr(compiling, "modules", lambda: iter(names))
    assert main(["compile"]) == 0
    assert "1 module compiled" in capsys.readouterr().out
    assert import_module(names[0])
