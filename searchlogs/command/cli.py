"""The command line: `searchlogs`, or `python -m searchlogs`, with its commands.

What is heavy is imported only when it is needed, so that help and wrong arguments are answered at
once, and so that a machine that lacks a package can be checked.
"""

import argparse
import io
import os
import sys
from typing import Any, NoReturn

import searchlogs
from searchlogs.command.course import add_course
from searchlogs.command.job import RunFailed
from searchlogs.command.kit import add_kit
from searchlogs.command.outlets import discard, say
from searchlogs.command.parsing import Parser
from searchlogs.command.report import add_report
from searchlogs.command.run_command import add_run
from searchlogs.command.simulate_command import add_simulate
from searchlogs.logs.words import printable

OK, DONE_BUT, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses; the second is for too many rejects or late events, or a machine not ready."""

MODULE = "python -m searchlogs"
"""Name of the command where no other is installed."""


SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Environment variables of a process of our own, unless they are set.

No command needs linear algebra, but numpy's library for it starts a thread for each core, which
spins for a while before it sleeps. Arrow's own allocator gives memory back to the system, which has
to clear it before each new use.
"""


def script(name: str = "searchlogs") -> int:
    """Run the command line of this process under a name; return its exit status."""
    for variable, value in SETTINGS.items():
        os.environ.setdefault(variable, value)
    return main(sys.argv[1:], name)


def main(arguments: list[str], name: str = MODULE) -> int:
    """Run a command line.

    Args:
        arguments: Its words, without the name.
        name: The name by which it was called.

    Returns:
        Its exit status.
    """
    arguments = arguments or ["check"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path in a message may hold anything
    try:
        try:
            return _answer(arguments, name)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # as of head, which has read enough
        discard(sys.stdout)
        return DONE_BUT if arguments == ["check"] else OK  # ready only after the last check
    except OSError as error:
        discard(sys.stdout)
        _complain(f"the output could not be written: {error.strerror}")
        return FAILED


def _answer(arguments: list[str], name: str) -> int:
    """Do what the command line asks for; return the exit status."""
    options = parser(name).parse_args(arguments)
    try:
        return int(options.do(options))
    except KeyboardInterrupt:
        again = "; the same command resumes it" if getattr(options, "recovery", None) else ""
        say("", to=sys.stderr)
        return _complain(f"interrupted; the outputs are not complete{again}", INTERRUPTED)
    except BrokenPipeError:
        raise
    except ImportError as error:
        message = f"{error}; to check this machine, run {name} check"
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        message = file + (error.strerror or str(error))
    except (ValueError, TypeError, RunFailed) as error:
        message = str(error)
    return _complain(message)


def _complain(message: str, status: int = FAILED) -> int:
    """Print why a command line was not done; return the exit status."""
    try:
        print(f"searchlogs: {printable(message)}", file=sys.stderr)
    except BrokenPipeError:
        discard(sys.stderr)
    return status


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *others: object) -> NoReturn:
        print(f"searchlogs {searchlogs.__version__}")
        parser.exit()


def parser(name: str = MODULE) -> Parser:
    """Return the parser of the command line, for usage lines under the name that it was called."""
    parser = Parser(
        prog=name,
        description="Without a command: check whether this machine is ready for the course.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    add_run(commands)
    add_report(commands)
    add_simulate(commands)
    add_course(commands)
    add_kit(commands)
    _add_check(commands)
    parser.commands = commands.choices
    return parser


def _add_check(commands: Any) -> None:
    words = "check whether this machine is ready for the course"
    commands.add_parser("check", help=words, description=f"{words.capitalize()}.").set_defaults(
        do=_check
    )


def _check(options: argparse.Namespace) -> int:
    from searchlogs.command.check import check_machine

    return OK if check_machine() else DONE_BUT
