"""Fill the page of the command line with what the commands say of themselves (a hook of mkdocs)."""

import argparse
from collections.abc import Iterator

from imgurer_kernel.apps.cli.parser import build_parser


def on_page_markdown(markdown: str, page: object, **_: object) -> str:
    """Append every command's usage, arguments and options to the page reference/cli.md."""
    if getattr(page, "file").src_uri != "reference/cli.md":  # noqa: B009 - of no type that is installed
        return markdown
    return markdown + "\n".join(command_reference(build_parser()))


def command_reference(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield Markdown for each command, in the order of `imgurer --help`."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to its commands
        if not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            continue
        for command in action.choices.values():
            nested = any(
                isinstance(each, argparse._SubParsersAction)  # noqa: SLF001
                for each in command._actions  # noqa: SLF001
            )
            if nested:
                yield from command_reference(command)
            else:
                yield f"\n## {command.prog}\n\n```text\n{command.format_help().rstrip()}\n```\n"
