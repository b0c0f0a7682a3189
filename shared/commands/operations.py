"""What a person does about messages: `parked`, `dead`, `rewind`, `rebuild`. The same for every service.

    **operations("casework", opened, MODELS)      # into the service's COMMANDS

They show ids, types, reasons and sequences. `parked show` shows an event's data as well: by design that is ids, codes, dates and
numbers. Of a dead letter nobody can say what is in it, so its value is never shown. What an operator gives up on is written to the
log lines with his reason, which is a code or the number of a ticket: free text might be about people.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pymongo.database import Database

from shared import telemetry
from shared.commands import shown
from shared.commands.line import DONE, FAILED, WRONGLY_ASKED, Command, Given, Group, Options, Refused
from shared.consumer import REPLAYED_AT_ONCE, Consumer, Subscription
from shared.events.cloudevents import UnreadableEnvelope, from_message
from shared.log import Message, open_log
from shared.parking import BEHIND, Parking
from shared.rebuild import CannotRebuild, Model, Rebuild
from shared.settings import Settings

PARKED = ("id", "key", "sequence", "type", "stage", "tries", "next_at", "reason")
DEAD = ("id", "at", "reason")
REPLAYED = ("key", "handled", "left", "reason")
REASON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{2,59}")
KNOWN_HEADER = re.compile(r"ce_[a-z0-9]{1,20}|content-type")
ROUNDS = 20
"""How often a key is taken up again, because something came to stand behind it meanwhile: the worker goes on with the rest."""

log_lines = telemetry.logger()


@dataclass(frozen=True)
class Opened:
    """A service as its operations need it: its database, and what it does with events."""

    database: Database
    subscription: Subscription


@dataclass(frozen=True)
class _Operations:
    service: str
    opened: Callable[[Any], Opened]
    models: Mapping[str, Model]

    # ------------------------------------------------------------------ parked

    def list_parked(self, settings: Settings, options: Options) -> int:
        with self._parking(settings) as parking:
            rows = [_row(one) for one in parking.list(key=options.key, limit=options.limit)]
            _list(rows, PARKED, options, empty="Nothing is parked.")
        return DONE

    def show_parked(self, settings: Settings, options: Options) -> int:
        with self._parking(settings) as parking:
            found = parking.find(options.id)
        if found is None:
            raise _nothing("parked", options.id)
        known, message = found
        _show({**_row(known), **_envelope(message)}, options)
        return DONE

    def replay_parked(self, settings: Settings, options: Options) -> int:
        with self._consumer(settings) as consumer:
            keys = consumer.parking.keys() if options.all else [options.key]
            if not options.all and not consumer.parking.count(options.key):
                raise Refused(f"Nothing is parked for the key {options.key}.")
            return _replay(consumer, keys, options)

    def drop_parked(self, settings: Settings, options: Options) -> int:
        with self._parking(settings) as parking:
            if parking.find(options.id) is None:
                raise _nothing("parked", options.id)
            _need_yes(
                options,
                f"Message {options.id} would take no effect in {self.service}; what stands behind it would go on.",
            )
            parking.drop(options.id)
            log_lines.warning("a parked message was dropped", event_id=options.id, reason=options.reason)
            shown.line(f"Dropped {options.id}.")
        return DONE

    # ------------------------------------------------------------------ dead

    def list_dead(self, settings: Settings, options: Options) -> int:
        with self._parking(settings) as parking:
            rows = [_row(one) for one in parking.list_dead(limit=options.limit)]
            _list(rows, DEAD, options, empty="There are no dead letters.")
        return DONE

    def show_dead(self, settings: Settings, options: Options) -> int:
        with self._parking(settings) as parking:
            found = parking.find_dead(options.id)
        if found is None:
            raise _nothing("dead", options.id)
        known, message = found
        _show({**_row(known), **_unreadable(message)}, options)
        return DONE

    def replay_dead(self, settings: Settings, options: Options) -> int:
        with self._consumer(settings) as consumer:
            parking = consumer.parking
            ids = [one["_id"] for one in parking.list_dead(limit=0)] if options.all else [options.id]
            keys: dict[str, None] = {}
            unreadable = 0
            for id in ids:
                try:
                    key = parking.revive(id)
                except UnreadableEnvelope as error:
                    if not options.all:
                        raise Refused(f"This build cannot read {id} either: {error}.") from None
                    unreadable += 1
                    continue
                if key is None:
                    raise _nothing("dead", id)
                keys[key] = None
            code = _replay(consumer, list(keys), options)
            if unreadable:
                raise Refused(f"{unreadable} dead letters cannot be read by this build either.")
            return code

    def drop_dead(self, settings: Settings, options: Options) -> int:
        with self._parking(settings) as parking:
            if parking.find_dead(options.id) is None:
                raise _nothing("dead", options.id)
            _need_yes(options, f"Dead letter {options.id} would be forgotten.")
            parking.drop_dead(options.id)
            log_lines.warning("a dead letter was dropped", dead_letter=options.id, reason=options.reason)
            shown.line(f"Dropped {options.id}.")
        return DONE

    # ------------------------------------------------------------------ the whole service

    def rewind(self, settings: Settings, options: Options) -> int:
        with self._open(settings) as opened, closing(open_log(settings)) as log:
            group, topics = opened.subscription.group, ", ".join(opened.subscription.topics)
            _need_yes(
                options,
                f"The group {group} would get everything on {topics} again, from the beginning. What has taken effect "
                "takes none again, and no SMS leaves twice; what was dropped comes back.",
            )
            log.rewind(group)
            log_lines.warning("a group was rewound", group=group)
            shown.line(f"The group {group} begins anew; its lag says how far it has come.")
        return DONE

    def rebuild(self, settings: Settings, options: Options) -> int:
        name = options.read_model
        with self._open(settings) as opened, closing(open_log(settings)) as log:
            topics = opened.subscription.topics
            try:
                done = Rebuild(self.service, name, self.models[name], topics, log, opened.database).run()
            except CannotRebuild as error:
                raise Refused(str(error)) from None
        shown.line(
            f"{name}: {done.events} events read; {done.corrected} rows corrected, {done.added} added, {done.removed} removed."
        )
        if done.left_out:
            shown.line(
                f"Left out until they are replayed, with what follows of their keys: {', '.join(done.left_out)}"
            )
        return DONE

    # ------------------------------------------------------------------ what they work on

    @contextmanager
    def _open(self, settings: Settings) -> Iterator[Opened]:
        telemetry.configure(self.service, settings.log_level)
        opened = self.opened(settings)
        with opened.database.client:
            opened.database.command("ping")  # before anything that would wait for the database without end
            yield opened

    @contextmanager
    def _parking(self, settings: Settings) -> Iterator[Parking]:
        with self._open(settings) as opened:
            yield Parking(opened.database)

    @contextmanager
    def _consumer(self, settings: Settings) -> Iterator[Consumer]:
        with self._open(settings) as opened:
            yield Consumer(self.service, opened.subscription, None, opened.database)


def operations(
    service: str, opened: Callable[[Any], Opened], models: Mapping[str, Model]
) -> Mapping[str, Given]:
    """The commands. `models`: the read models that can be rebuilt, by the names a person calls them."""
    do = _Operations(service, opened, models)
    parked = {
        "list": Command("List what is parked, in order of its keys.", do.list_parked, _list_of_keys),
        "show": Command(
            "Show one parked message: what it is, why it failed, its data.", do.show_parked, _one
        ),
        "replay": Command(
            "Handle what is parked now, in order, until something fails.",
            do.replay_parked,
            _key_or_all,
            "Exit code 1 where something is still parked afterwards. Safe while the worker runs, and as often as you like.",
        ),
        "drop": Command("Give up on one parked message.", do.drop_parked, _one_to_drop, DROP),
    }
    dead = {
        "list": Command("List the dead letters, oldest first.", do.list_dead, _limited),
        "show": Command("Show one dead letter: where it came from, not what is in it.", do.show_dead, _one),
        "replay": Command(
            "Handle dead letters that this build can read, each in its turn.",
            do.replay_dead,
            _id_or_all,
            "A dead letter held up nobody, so later events of its key may have taken effect; then it may be too old to.",
        ),
        "drop": Command("Forget one dead letter.", do.drop_dead, _one_to_drop, DROP),
    }
    return {
        "parked": Group("Messages that could not be handled, and what stands behind them.", parked),
        "dead": Group("Messages that nobody can read.", dead),
        "rewind": Command(
            "Let the service hear everything again, from the beginning of the log.", do.rewind, _yes
        ),
        "rebuild": Command(
            "Make a read model anew from the log, while the service runs.",
            do.rebuild,
            lambda parser: parser.add_argument(
                "read_model", choices=list(models), help="which one: " + ", ".join(models)
            ),
        ),
    }


# ---------------------------------------------------------------------------------------------- arguments

DROP = "It stays on the log: a group that is rewound gets it again."


def _limited(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=_count, default=100, help="at most so many (default 100)")
    parser.add_argument("--json", action="store_true", help="as JSON, for a program")


def _list_of_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", help="only what is parked for this key (an aggregate's id)")
    _limited(parser)


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="its id, as `list` shows it")
    parser.add_argument("--json", action="store_true", help="as JSON, for a program")


def _one_to_drop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="its id, as `list` shows it")
    parser.add_argument(
        "--reason",
        type=_reason,
        required=True,
        help="why: a code or a ticket's number, no words about people",
    )
    _yes(parser)


def _yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes", action="store_true", help="do it; without, it is only said what would happen"
    )


def _key_or_all(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--key", help="what is parked for this key (an aggregate's id)")
    which.add_argument("--all", action="store_true", help="everything that is parked, key by key")
    parser.add_argument("--json", action="store_true", help="as JSON, for a program")


def _id_or_all(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="its id, as `list` shows it")
    which.add_argument("--all", action="store_true", help="all that can be read now")
    parser.add_argument("--json", action="store_true", help="as JSON, for a program")


def _reason(text: str) -> str:
    if not REASON.fullmatch(text):
        raise argparse.ArgumentTypeError("a code or a ticket's number, 3 to 60 of A-Z a-z 0-9 . _ / # -")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("a number from 1 to 100000")
    return int(text)


def _need_yes(options: Options, what: str) -> None:
    if not options.yes:
        raise Refused(f"{what} Nothing was done: say --yes to do it.", WRONGLY_ASKED)


def _nothing(where: str, id: str) -> Refused:
    return Refused(f"Nothing {where} has the id {id}.")


# ---------------------------------------------------------------------------------------------- replaying


def _replay(consumer: Consumer, keys: Sequence[str], options: Options) -> int:
    rows = [_replay_key(consumer, key) for key in keys]
    _list(rows, REPLAYED, options, empty="There was nothing to replay.")
    return FAILED if any(row["left"] for row in rows) else DONE


def _replay_key(consumer: Consumer, key: str) -> Mapping[str, Any]:
    """Handle what is parked for a key until something fails, or nothing is left."""
    handled = 0
    head = None
    for _ in range(ROUNDS):
        while (done := consumer.replay(key)) == REPLAYED_AT_ONCE:
            handled += done
        handled += done
        head = next(iter(consumer.parking.list(key=key, limit=1)), None)
        if head is None or head["stage"] != BEHIND:  # else it came to stand there a moment ago
            break
    return {
        "key": key,
        "handled": handled,
        "left": consumer.parking.count(key),
        "reason": head["reason"] if head else None,
    }


# ---------------------------------------------------------------------------------------------- showing


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": document["_id"], **{name: value for name, value in document.items() if name != "_id"}}


def _list(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], options: Options, *, empty: str) -> None:
    if options.json:
        shown.as_json([{name: row.get(name) for name in columns} for row in rows])
    else:
        shown.table(rows, columns, empty=empty)
        if len(rows) == getattr(options, "limit", None):
            shown.line(f"(the first {len(rows)}: --limit shows more)")


def _show(values: Mapping[str, Any], options: Options) -> None:
    (shown.as_json if options.json else shown.fields)(values)


def _envelope(message: Message) -> Mapping[str, Any]:
    """The event's attributes and its data, which holds ids and codes by design."""
    try:
        envelope = from_message(message)
    except UnreadableEnvelope as error:
        return {"unreadable": str(error), **_unreadable(message)}
    return {
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time,
        "traceparent": envelope.traceparent,
        "data": envelope.data,
    }


def _unreadable(message: Message) -> Mapping[str, Any]:
    """What can be said of a message without saying what is in it: of its headers, which of an event's it has."""
    return {
        "headers": ", ".join(sorted(filter(KNOWN_HEADER.fullmatch, message.headers))) or None,
        "bytes": len(message.value),
        "sha256": sha256(message.value).hexdigest(),
        "value": "not shown: nobody can say what is in it",
    }
