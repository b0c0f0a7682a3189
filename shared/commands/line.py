"""A command line as data: commands, groups of them, their help, and one clear line for whatever is wrong.

carry_out("services.casework", "casework", CaseworkSettings, {"seed": seed, "parked": Group("…", {"list": …})}, arguments)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pymongo.errors import OperationFailure

from shared import mongo
from shared.log import LogAway, UnknownTopic
from shared.settings import Settings, load

S = TypeVar("S", bound=Settings)
Options = argparse.Namespace
DONE, FAILED, WRONGLY_ASKED = 0, 1, 2


class Refused(Exception):
    """What was asked for cannot be done. The text says why, in one line, for a person."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Command:
    """A command with arguments. `help` is one line; `run(settings, options)` returns the exit code."""

    help: str
    run: Callable[[Any, Options], int]
    arguments: Callable[[argparse.ArgumentParser], Any] = lambda parser: None
    more: str = ""
    """What `--help` says beyond that line."""


@dataclass(frozen=True)
class Group:
    """Commands under a common name."""

    help: str
    commands: Mapping[str, Command]


Given = Command | Group | Callable[[Any], int]


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONGLY_ASKED, f"{self.prog}: {message} (--help says more)\n")


def carry_out(
    module: str, service: str, kind: type[S], commands: Mapping[str, Given], arguments: list[str]
) -> int:
    """Carry out what the arguments of `python -m <module>` ask for; returns the exit code."""
    parser = _Parser(prog=f"python -m {module}", description=f"What can be done with the service {service}.")
    _add(parser, commands)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        return options.run(load(kind), options)
    except Refused as refused:
        return _say(str(refused), refused.code)
    except UnknownTopic as error:
        return _say(f"{error.args[0]} `python -m {module} migrate` does.", FAILED)
    except LogAway:
        return _say("The event log does not answer. Nothing is lost; try again.", FAILED)
    except KeyboardInterrupt:
        return _say("Stopped in the middle. Nothing is lost: the command may be given again.", FAILED)
    except Exception as error:
        if not mongo.is_away(error) and not _is_refused_by_database(error):
            raise
        return _say(f"The database does not answer ({type(error).__name__}): is MONGO_URL right?", FAILED)


def _add(parser: argparse.ArgumentParser, commands: Mapping[str, Given]) -> None:
    choice = parser.add_subparsers(metavar=" | ".join(commands), title="commands", required=True)
    for name, given in commands.items():
        help = _help(given)
        below = choice.add_parser(name, help=help, description=help)
        if isinstance(given, Group):
            _add(below, given.commands)
        elif isinstance(given, Command):
            below.epilog = given.more or None
            given.arguments(below)
            below.set_defaults(run=given.run)
        else:
            below.set_defaults(run=lambda settings, options, function=given: function(settings))


def _help(given: Given) -> str:
    if isinstance(given, Command | Group):
        return given.help
    return (given.__doc__ or "").strip().splitlines()[0]


def _is_refused_by_database(error: Exception) -> bool:
    """Whether it lets nobody in: wrong credentials, or no right to do this."""
    return isinstance(error, OperationFailure) and error.code in (13, 18)


def _say(text: str, code: int) -> int:
    sys.stderr.write(text + "\n")
    return code
