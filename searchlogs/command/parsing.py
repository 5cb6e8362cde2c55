"""A parser that says which option was meant, and the kinds of values that options take."""

import argparse
import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from searchlogs.command.outlets import say
from searchlogs.durations import parse_duration
from searchlogs.logs.stores import on_this_machine
from searchlogs.logs.words import printable


class Parser(argparse.ArgumentParser):
    """A parser whose errors suggest a word, under the usage line of the command that was meant."""

    commands: Mapping[str, "Parser"] = {}
    """Parsers of its commands, by name."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    # The types are those of argparse, whose method has overloads.
    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse a command line; end the process with a suggestion if a word in it is unknown."""
        words: Sequence[str] = args or ()
        command = self
        if words and not words[0].startswith("-"):
            if words[0] not in self.commands:
                self.error(f"unknown command {words[0]}{_instead(words[0], self.commands)}")
            command = self.commands[words[0]]
        # Before all others, because a wrong option can be why a required one is missing.
        options = command._option_string_actions
        for word in words:
            name = word.partition("=")[0]
            if word == "--":
                break
            if name.startswith("--") and " " not in name and name not in options:
                command.error(f"unknown option {name}{_instead(name, options)}")
        found, others = self.parse_known_args(args, namespace)
        if others:
            command.error(f"unrecognized arguments: {' '.join(others)}")
        return found

    def error(self, message: str) -> NoReturn:
        """Print the usage and an error, and end the process."""
        message = printable(message)  # a shell's * gives names of files as words
        say(f"{self.format_usage()}{self.prog}: error: {message}", to=sys.stderr)
        self.exit(2)


def _instead(word: str, known: Iterable[str]) -> str:
    """Return which of the known words may have been meant, to be added to a message."""
    bare = {name.lstrip("-"): name for name in known}  # dashes would make all options alike
    word = word.lstrip("-")
    near = [name for name in bare if word and name.startswith(word)]
    near = near or [name for name in bare if len(name) > 1 and word.startswith(name)]
    near = near or difflib.get_close_matches(word, bare, n=1)
    if near:
        return f"; did you mean {' or '.join(bare[name] for name in near)}?"
    names = [name for name in bare.values() if not name.startswith("-")]
    return f"; expected {', '.join(names)}" if names else "; --help lists all options"


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def share(text: str) -> float:
    """Return a share that is given as text.

    Raises:
        ArgumentTypeError: It is no number from 0 to 1.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 1:
        found = printable(repr(text))
        raise argparse.ArgumentTypeError(
            f"expected a share from 0 to 1, such as 0.01; found {found}"
        )
    return number


def local(text: str) -> Path:
    """Return the path on this machine that is given as text.

    Raises:
        ArgumentTypeError: It is the address of a store.
    """
    try:
        return on_this_machine(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


FILE: dict[str, Any] = {"metavar": "FILE"}
LOCAL: dict[str, Any] = {"type": local, "metavar": "FILE"}
DURATION: dict[str, Any] = {"type": _duration, "metavar": "DURATION"}
"""What options have in common whose values are files, files of this machine, or durations."""


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add the option that silences a command."""
    words = "print nothing if all goes well, and show no progress"
    parser.add_argument("-q", "--quiet", action="store_true", help=words)
