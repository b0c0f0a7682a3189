"""The life of a message: the table, and what must hold whatever happens in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain import message as domain
from services.notifications.domain.message import TRANSITIONS, Message
from services.notifications.policy import Policy
from shared.events import Event, MessageHeld, MessageOverdue, Owner, type_of
from shared.refusals import WrongState

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
POLICY = Policy.load()
DEADLINES, PATIENCE, PAUSES = POLICY.deadlines, POLICY.patience, POLICY.pauses


def created() -> Message:
    message, _ = domain.create(
        template="appeal-registered",
        message_class="answer",
        about="appeal-1",
        person_id="person-1",
        family_id="family-1",
        center_id="center-71-1",
        holder="worker.astana",
        restricted=False,
        file_version=1,
        expires_at=NOW + timedelta(hours=72),
        now=NOW,
    )
    return message


COMMANDS = {
    "hold": lambda m, now: domain.hold(m, "hours", now + timedelta(hours=1), now),
    "put-off": lambda m, now: domain.put_off(m, "contact-away", now, PAUSES),
    "begin": lambda m, now: domain.begin(m, now),
    "confirm": lambda m, now: domain.confirm(m, "kk", now, now),
    "suppress": lambda m, now: domain.suppress(m, "no-consent", now),
    "expire": lambda m, now: domain.expire(m, now, DEADLINES),
    "fail": lambda m, now: domain.fail(m, "bad-number", now, DEADLINES),
    "deliver": lambda m, now: domain.deliver(m, now, now),
    "give-up": lambda m, now: domain.give_up(m, "absent", now, DEADLINES),
    "acknowledge": lambda m, now: domain.acknowledge(m, "rang", "worker.astana", now),
}
IN_TABLE = {"put-off": "hold"}


def after(*commands: str) -> Message:
    message = created()
    for command in commands:
        message, _ = COMMANDS[command](message, NOW)
    return message


@pytest.mark.parametrize(
    ("commands", "state"),
    [
        ([], "created"),
        (["hold"], "held"),
        (["begin"], "sending"),
        (["begin", "hold"], "held"),
        (["hold", "begin", "confirm"], "sent"),
        (["begin", "confirm", "deliver"], "delivered"),
        (["begin", "confirm", "give-up"], "undeliverable"),
        (["hold", "suppress"], "suppressed"),
        (["hold", "expire"], "expired"),
        (["begin", "fail"], "failed"),
        (["begin", "fail", "acknowledge"], "failed"),
    ],
)
def test_the_ways_of_the_contract(commands: list[str], state: str) -> None:
    assert after(*commands).state == state


@pytest.mark.parametrize("state", sorted(TRANSITIONS))
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_only_what_the_table_has(state: str, command: str) -> None:
    ways = {
        "created": [],
        "held": ["hold"],
        "sending": ["begin"],
        "sent": ["begin", "confirm"],
        "delivered": ["begin", "confirm", "deliver"],
        "undeliverable": ["begin", "confirm", "give-up"],
        "suppressed": ["suppress"],
        "expired": ["expire"],
        "failed": ["begin", "fail"],
    }
    message = after(*ways[state])
    assert message.state == state
    following = TRANSITIONS[state].get(IN_TABLE.get(command, command))
    if following is None:
        with pytest.raises(WrongState):
            COMMANDS[command](message, NOW)
    else:
        assert COMMANDS[command](message, NOW)[0].state == following


@pytest.mark.parametrize("way", [["begin", "confirm", "give-up"], ["begin", "fail"], ["hold", "expire"]])
def test_what_did_not_reach_the_citizen_is_told_another_way_by_the_holder(way: list[str]) -> None:
    message = after(*way)
    (item,) = message.open
    assert (item.item, item.next_action) == ("tell-another-way", "tell")
    assert item.owner == Owner(kind="staff", id="worker.astana")
    assert item.due_at > NOW
    assert message.reason
    assert domain.allowed(message) == ["acknowledge"]
    done, (event,) = domain.acknowledge(message, "rang him", "worker.astana", NOW)
    assert done.open == event.open == ()
    assert (done.note, done.acknowledged_by) == ("rang him", "worker.astana")
    assert "rang" not in repr(event)
    with pytest.raises(WrongState) as refused:
        domain.acknowledge(done, "again", "worker.astana", NOW)
    assert refused.value.allowed == []


def test_held_is_told_once_per_reason() -> None:
    held, events = domain.put_off(created(), "contact-away", NOW, PAUSES)
    assert [type(event) for event in events] == [MessageHeld]
    held, events = domain.put_off(held, "contact-away", NOW, PAUSES)
    assert events == []
    _, events = domain.hold(held, "hours", NOW, NOW)
    assert [event.reason for event in events] == ["hours"]


def test_pauses_grow_and_then_stay() -> None:
    message, waited = created(), []
    for _ in range(len(PAUSES) + 2):
        message, _ = domain.put_off(message, "contact-away", NOW, PAUSES)
        waited.append(message.try_at - NOW)
    assert waited == [*PAUSES, PAUSES[-1], PAUSES[-1]]


def test_an_attempt_at_sending_is_counted_once() -> None:
    begun, _ = domain.begin(created(), NOW)
    held, _ = domain.put_off(begun, "sender-away", NOW, PAUSES)
    assert (begun.tries, held.tries) == (1, 1)
    assert held.try_at == NOW + PAUSES[0]


def test_an_attempt_of_somebody_else_is_left_alone_for_a_while() -> None:
    begun, _ = domain.begin(created(), NOW)
    assert not domain.is_due(begun, NOW + PATIENCE - timedelta(milliseconds=1), PATIENCE)
    assert domain.is_due(begun, NOW + PATIENCE, PATIENCE)


def test_expired_says_what_held_it_up() -> None:
    held, _ = domain.put_off(created(), "contact-away", NOW, PAUSES)
    assert domain.expire(held, NOW, DEADLINES)[0].reason == "contact-away"
    assert domain.expire(created(), NOW, DEADLINES)[0].reason == "too-old"


def test_another_holder_answers_for_what_is_open() -> None:
    message, (event,) = domain.assign(after("begin", "fail"), "worker2.astana", "supervisor.astana", NOW)
    assert message.holder == event.holder == "worker2.astana"
    assert [item.owner.id for item in event.open] == ["worker2.astana"]
    assert event.previous_holder == "worker.astana"
    assert domain.assign(message, "worker2.astana", "supervisor.astana", NOW) is None


@pytest.mark.parametrize(
    "way", [["suppress"], ["begin", "confirm", "deliver"], ["begin", "fail", "acknowledge"]]
)
def test_what_is_over_keeps_its_holder(way: list[str]) -> None:
    assert domain.assign(after(*way), "worker2.astana", "supervisor.astana", NOW) is None


def test_overdue_is_raised_and_told() -> None:
    message = after("begin", "fail")
    due = message.open[0].due_at
    assert domain.raise_overdue(message, due - timedelta(seconds=1), DEADLINES) is None
    raised, (event,) = domain.raise_overdue(message, due, DEADLINES)
    assert isinstance(event, MessageOverdue)
    assert event.items == ("tell-another-way",)
    assert raised.open[0].raised == 1
    assert domain.wake_at(raised, DEADLINES, PATIENCE) > due


histories = st.lists(
    st.tuples(st.sampled_from([*COMMANDS, "assign", "overdue"]), st.integers(0, 100_000)), max_size=20
)


def _follow(history: list[tuple[str, int]]) -> list[tuple[Message, list[Event], datetime]]:
    """The message after each command that is possible, the events of it, and the time."""
    message, now, steps = created(), NOW, []
    for number, (command, seconds) in enumerate(history):
        now += timedelta(seconds=seconds)
        try:
            if command == "assign":
                decision = domain.assign(message, f"worker{number}.astana", "supervisor.astana", now)
            elif command == "overdue":
                decision = domain.raise_overdue(message, now, DEADLINES)
            else:
                decision = COMMANDS[command](message, now)
        except WrongState:
            continue
        if decision is not None:
            message = decision[0]
            steps.append((message, list(decision[1]), now))
    return steps


@given(histories)
def test_nobody_falls_through(history: list[tuple[str, int]]) -> None:
    for message, _, _ in _follow(history):
        assert message.state in TRANSITIONS
        if message.state in domain.WAITING:
            assert domain.wake_at(message, DEADLINES, PATIENCE) is not None
        needs_somebody = (
            message.state in ("undeliverable", "expired", "failed") and not message.acknowledged_at
        )
        assert len(message.open) == needs_somebody
        assert all(item.owner == Owner(kind="staff", id=message.holder) for item in message.open)


@given(histories)
def test_every_event_says_how_the_message_stands(history: list[tuple[str, int]]) -> None:
    for message, events, now in _follow(history):
        for event in events:
            assert (event.state, event.holder, event.open) == (message.state, message.holder, message.open)
            assert event.occurred_at == now
            assert type_of(type(event)).startswith("kz.birtereze.notifications.message-")


@given(histories)
def test_a_message_is_handed_over_at_most_once(history: list[tuple[str, int]]) -> None:
    sent = [
        event
        for _, events, _ in _follow(history)
        for event in events
        if event.__class__.__name__ == "MessageSent"
    ]
    assert len(sent) <= 1
