"""What must be true when everything has arrived, whatever was delivered twice, late, in another order or after a death.

    check(world, log, groups)         # raises AssertionError that says what is wrong

The log, the documents, the worklist, the timeline and the SMS are checked by the same oracle that looks at a whole stack
(`tests/oracle.py`); what several services say of one thing, here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

from services.casework.domain.referring import Asked
from services.intake.read_models import KnownReferrals, Timeline, Worklist
from services.referrals.domain.referral import ACCEPTED, ENDED, UNSUCCESSFUL
from services.referrals.store import KnownCases
from shared import mongo
from shared.access import FamilyFiles
from shared.events import (
    AppealRegistered,
    MeasureDelivered,
    ReferralAccepted,
    type_of,
)
from shared.events.base import topic
from shared.events.cloudevents import Envelope
from shared.ids import derived_id
from tests import oracle
from tests.convergence.transport import Group, Topics
from tests.convergence.world import Dump, World

Documents = Mapping[str, Mapping[str, Any]]
OF_A_HAND_OVER = ("holder", "open", "version", "sequence", "seen", "outbox", "pending", "wake_at")
"""Fields of a message that a hand-over writes."""
ON_ITS_WAY = ("created", "held", "sending", "sent")
REASONS = {
    type_of(AppealRegistered): ("appeal-registered", lambda data: "registered"),
    type_of(ReferralAccepted): ("referral-accepted", lambda data: "accepted"),
    type_of(MeasureDelivered): ("help-given", lambda data: f"measure-{data['n']}"),
}
"""Event → the template that tells of it, and which fact about its subject it is."""


def check(world: World, log: Topics, groups: Sequence[Group]) -> None:
    """Everything. Time stands still meanwhile."""
    world.time.stands = True
    dump = world.dump()
    Oracle(stack=None, world=world, topics=log).check()
    check_cases(dump)
    check_measures(dump)
    check_danger(dump)
    check_holders(dump)
    check_messages(dump, log)
    check_holders_of_messages(dump)
    for name, part in world.parts.items():
        assert part.service.store.breaches() == 0, f"{name}: something that is open lacks an owner or a time"
    check_all_again(world, groups, dump)
    check_rebuilt(world, log, dump)
    world.time.stands = False


@dataclass
class Oracle(oracle.World):
    """The oracle, looking at this world instead of a stack."""

    world: World
    topics: Topics

    def database(self, service: str) -> Database:
        return self.world.parts[service].database

    def log(self) -> list[Envelope]:
        return self.topics.told

    def sms(self) -> list[dict[str, Any]]:
        path = self.world.sms
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# ---------------------------------------------------------------------------------------------- cases and appeals


def check_cases(dump: Dump) -> None:
    """One case per family that is not closed; each appeal that asked for one is in exactly one, and waits for nothing else."""
    cases, appeals = dump["casework"]["cases"], dump["intake"]["appeals"]
    open_cases = [case["family_id"] for case in cases.values() if case["state"] != "closed"]
    assert len(set(open_cases)) == len(open_cases), "a family has two cases that are not closed"
    of_appeal = defaultdict(list)
    for id, case in cases.items():
        for appeal_id in case["appeal_ids"]:
            of_appeal[appeal_id].append(id)
            assert appeals[appeal_id]["family_id"] == case["family_id"], "a case has another family's appeal"
    for id, appeal in appeals.items():
        wanted = [appeal["case_id"]] if appeal["outcome"] == "open-case" else []
        assert of_appeal[id] == wanted, (
            f"appeal {id}: in the cases {of_appeal[id]}, and says {appeal['case_id']}"
        )
        items = {item["item"] for item in appeal["open"]}
        assert "case-opening" not in items, f"appeal {id} still waits for its case"
        is_done = appeal["outcome"] is not None and not items
        assert (appeal["state"] == "closed") == is_done, f"appeal {id} is {appeal['state']} with {items}"


# ---------------------------------------------------------------------------------------------- measures and referrals


def check_measures(dump: Dump) -> None:
    """A measure waits for exactly the referrals that are under way for it, and what ended it ended them (contract: *What one
    event does elsewhere*)."""
    cases, referrals = dump["casework"]["cases"], dump["referrals"]["referrals"]
    for id, case in cases.items():
        mine = {key: referral for key, referral in referrals.items() if referral["case_id"] == id}
        under_way = {key: referral for key, referral in mine.items() if referral["state"] not in ENDED}
        if case["state"] == "closed":
            assert not under_way, f"case {id} is closed, and referrals are not: {list(under_way)}"
            unseen = [k for k, r in mine.items() if r["state"] in UNSUCCESSFUL and not r["acknowledged"]]
            assert not unseen, f"case {id} is closed, and somebody is to choose another agency: {unseen}"
        for measure in case["measures"]:
            at = f"case {id} measure {measure['n']} ({measure['state']})"
            for_it = _of_measure(under_way, measure["n"])
            completed = [k for k, r in _of_measure(mine, measure["n"]).items() if r["state"] == "completed"]
            if measure["state"] == "cancelled":
                assert not for_it, f"{at}: referrals go on: {list(for_it)}"
            elif measure["state"] != "delivered":  # what the center has delivered a partner may go on with
                _check_open_measure(at, measure, for_it)
                assert not completed, f"{at}: a partner has given it: {completed}"


def _check_open_measure(at: str, measure: Mapping[str, Any], for_it: Documents) -> None:
    heard = {(each["referral_id"], each["accepted"]) for each in measure["asked"]}
    under_way = {(id, referral["state"] in ACCEPTED) for id, referral in for_it.items()}
    assert heard == under_way, f"{at}: it has heard {heard}, but this is under way: {under_way}"
    asked = [Asked(**each) for each in measure["asked"]]
    accepted = {each.referral_id for each in asked if each.accepted}
    counts = accepted or {each.referral_id for each in asked} or {None}
    assert measure["referral_id"] in counts, f"{at}: {measure['referral_id']} counts"
    assert measure["state"] == "started" or not accepted, f"{at}: it was accepted"


def _of_measure(referrals: Documents, n: int) -> Documents:
    return {id: referral for id, referral in referrals.items() if referral["measure"] == n}


# ---------------------------------------------------------------------------------------------- what all say of a family


def check_danger(dump: Dump) -> None:
    """Danger and restriction are the family's, wherever they are kept."""
    families = dump["intake"]["families"]
    danger = {id: family["danger"] for id, family in families.items()}
    restricted = {id: told["domestic_violence"] is True for id, told in danger.items()}
    kept = {
        "appeals": dump["intake"]["appeals"],
        "cases": dump["casework"]["cases"],
        "referrals": dump["referrals"]["referrals"],
        "messages": dump["notifications"]["messages"],
        "worklist": {id: row for id, row in dump["intake"]["worklist"].items() if row["open"]},
    }
    for name, documents in kept.items():
        for id, document in documents.items():
            family = document["family_id"]
            assert document["restricted"] == restricted[family], (
                f"{name} {id}: not restricted as the family is"
            )
            if "danger" in document:
                assert document["danger"] == danger[family], f"{name} {id}: not in the family's danger"
    for service, name in FILES.items():
        for id, known in dump[service][name].items():
            said = (known["danger"], known["restricted"])
            assert said == (danger[id], restricted[id]), f"{service} {name} {id}: {said}"
        assert set(dump[service][name]) == set(families), f"{service} does not know every family"


FILES = {
    "intake": "files",
    "casework": "family_files",
    "referrals": "family_files",
    "notifications": "files",
}
"""Service → the collection of its read model behind `may_read`."""


def check_holders(dump: Dump) -> None:
    """Who holds the case holds its referrals, and the family's file if it is the family's newest case."""
    cases = dump["casework"]["cases"]
    for id, referral in dump["referrals"]["referrals"].items():
        assert referral["holder"] == cases[referral["case_id"]]["holder"], f"referral {id} has another holder"
    for id, known in dump["referrals"]["known_cases"].items():
        said = (known["holder"], known["state"])
        assert said == (cases[id]["holder"], cases[id]["state"]), f"referrals knows case {id} as {said}"
    for id, family in dump["intake"]["families"].items():
        mine = {key: case for key, case in cases.items() if case["family_id"] == id}
        assert (family["case_id"] is None) == (not mine), f"family {id} has the case {family['case_id']}"
        if mine:
            assert family["holder"] == mine[family["case_id"]]["holder"], f"family {id} has another holder"
            current = {key for key, case in mine.items() if case["state"] != "closed"}
            assert current <= {family["case_id"]}, f"family {id} is with another case than {current}"


# ---------------------------------------------------------------------------------------------- messages


def check_messages(dump: Dump, log: Topics) -> None:
    """One message for each reason (that an SMS leaves once for each is the oracle's to see)."""
    because = set()
    for envelope in log.told:
        if envelope.type in REASONS and envelope.data["person_id"] is not None:
            template, fact = REASONS[envelope.type]
            because.add(derived_id("message", template, envelope.subject, fact(envelope.data)))
    assert set(dump["notifications"]["messages"]) == because, "not one message for each reason"


def check_holders_of_messages(dump: Dump) -> None:
    """Of whatever may still become something: who holds the family's case answers for it; without one, who holds what it is about."""
    cases, appeals = dump["casework"]["cases"].values(), dump["intake"]["appeals"]
    for id, message in dump["notifications"]["messages"].items():
        if message["state"] not in ON_ITS_WAY and not message["open"]:
            continue
        mine = [case for case in cases if case["family_id"] == message["family_id"]]
        counts = [case for case in mine if case["state"] != "closed"] or mine or [appeals[message["about"]]]
        holders = {document["holder"] for document in counts}
        assert message["holder"] in holders, f"message {id} is held by {message['holder']}, not by {holders}"


# ---------------------------------------------------------------------------------------------- again, and anew


def check_all_again(world: World, groups: Sequence[Group], before: Dump) -> None:
    """Whoever gets everything again from the beginning changes no document and tells nothing; nor whoever only gets the older half
    of it, with nothing newer behind that would put right what it did."""
    for group in groups:
        group.rewind()
        group.deliver([len(group.log.lane(*lane)) // 2 for lane in group.lanes])
    assert_same(world.dump(), before, "changed when the older half was delivered again")
    for group in groups:
        group.deliver_all()
    assert_same(world.dump(), before, "changed when everything was delivered again")


def check_rebuilt(world: World, log: Topics, dump: Dump) -> None:
    """Read models made anew from the log, in its order, have the same rows."""
    scratch = mongo.database(world.intake.store.database.client, f"{world.intake.store.database.name}_anew")
    for name in scratch.list_collection_names():
        scratch[name].delete_many({})
    files = {service: FamilyFiles(scratch[f"{service}-files"]) for service in FILES}
    worklist = Worklist(scratch["subjects"], scratch["items"], files["intake"])
    timeline, referrals = Timeline(scratch["timeline"]), KnownReferrals(scratch["known_referrals"])
    cases = KnownCases(scratch["known_cases"])
    for service, model in files.items():
        topics = world.parts[service].subscription.topics
        model.apply([told for told in log.told if topic(told.source[1:]) in topics])
        anew = _rows(scratch[f"{service}-files"], "revision")
        assert_same(anew, _without(dump[service][FILES[service]], "revision"), f"files of {service}")
    for model in (worklist, timeline, referrals, cases):
        model.apply(log.told)
    intake = dump["intake"]
    assert_same(_rows(worklist.items), intake["worklist"], "worklist")
    assert_same(_rows(worklist.subjects), intake["worklist_subjects"], "subjects of the worklist")
    assert_same(_rows(timeline.collection), intake["timeline"], "timeline")
    assert_same(_rows(referrals.collection), intake.get("known_referrals", {}), "known referrals")
    assert_same(_rows(cases.collection), dump["referrals"].get("known_cases", {}), "known cases")


def _rows(collection: Any, *without: str) -> Documents:
    return _without({row["_id"]: row for row in collection.find({})}, *without)


def _without(documents: Documents, *names: str) -> Documents:
    """Documents without fields that only count writes."""
    return {
        id: {name: value for name, value in document.items() if name not in names}
        for id, document in documents.items()
    }


def assert_same(now: Any, before: Any, what: str) -> None:
    """Equal, or the places in which they differ."""
    assert now == before, f"{what}: " + "; ".join(_differences(before, now))


def _differences(before: Any, now: Any, at: str = "") -> Iterable[str]:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        if before != now:
            yield f"{at}: {before!r} -> {now!r}"
        return
    for name in sorted({*before, *now}):
        yield from _differences(before.get(name), now.get(name), f"{at}/{name}")
