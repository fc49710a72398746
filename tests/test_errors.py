import inspect
import re

from imgurer_kernel import errors

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, Exception)
}


def test_the_docstring_draws_the_tree_as_it_is():
    parents = ["Exception"]
    drawn = {}
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line)
        if not found:
            continue
        depth = len(found[1]) // 4
        del parents[depth + 1 :]
        drawn[found[2]] = parents[-1]
        parents.append(found[2])
    assert drawn == {name: cls.__base__.__name__ for name, cls in CLASSES.items()}


def test_every_error_says_what_it_is_for():
    assert all(cls.__doc__ for cls in CLASSES.values())
