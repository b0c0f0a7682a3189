"""Schemathesis against a running service: requests made from its own OpenAPI document, and answers held against it.

    run = Run(document=documents["casework"], origin=stack.origin, token=token, only={"GET /casework/v1/cases"}, seed=7)
    for wrong in run.differences(): …

It goes through the examples, everything that the schema lets say and forbids (`coverage`), random requests, and chains of requests by
the links of the document. Checked is all that schemathesis checks, and that every error is a problem document.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema
from schemathesis.engine.run import PhaseName

from tests.callers import Caller

CALLERS = (
    "worker.astana",
    "supervisor.astana",
    "partner.health.astana",
    "agency-health-astana",
    "service-referrals",
    "service-notifications",
    "auditor",
    "regional.astana",
    "national",
    "registry-family-map",
)
"""Somebody of each role, by log-in and by client credentials."""
FOLLOWERS = ("worker.astana", "supervisor.astana")
"""Who may do enough to come from one operation to another by the links of the documents."""
KNOWN = 0.5
"""How often an id is that of something that is there."""
UNMOVED = {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}}
"""Answers decide nothing about what is asked next: else Hypothesis sees another choice than the first time, and schemathesis ends with
the operation there, after one example or three, in silence."""
AS_WRITTEN = {"algorithms": []}
"""Links that stand in the document, and none that schemathesis would infer: with those it begins by commands on ids that it has made
up, and never comes to follow one of ours."""
ENOUGH = 50
"""With so many examples a POST that creates is right by chance now and then, so that there are links to follow in every service."""
MOST_OF = 0.7
"""Of an operation with hardly anything to choose there are fewer examples than were asked for."""
PLACES = ("path", "query", "body")
"""Where a name may stand."""
REFUSED = ["400", "401", "403", "404", "405", "409", "411", "412", "413", "415", "422", "428"]
"""What is said to a request that the document forbids: anything but yes, and no failure of ours."""
UNDERSTOOD = ["2xx", "401", "403", "404", "409", "412", "422", "428"]
"""What is said to one that it allows. 422: check digits, and fields that exclude each other, are beyond JSON Schema."""
LATER = {"/intake/v1/persons/{person_id}/disclosure": ["503"]}
"""Intake may hear of a referral later than the one who asks about it: come again."""


@schemathesis.check
def problem_document(ctx: Any, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """Also where the document does not tell of the status: another method, another address."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    assert response.headers["content-type"] == ["application/problem+json"], response.headers["content-type"]
    told = response.json()
    assert told["status"] == response.status_code, told["status"]
    assert told["type"].startswith("/problems/"), told["type"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """`only`: the operations that are called, as `GET /path`; `enumerated`: those of them that are covered in full, all if None.
    `known`: values by the names that routes use, mixed with made-up ones; `examples`: how many random ones of each.
    """

    document: Mapping[str, Any]
    origin: str
    token: str
    only: Set[str]
    seed: int
    enumerated: Set[str] | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    examples: int = 5
    answers: Counter[int] = field(default_factory=Counter)
    """Status → how often it was answered."""
    fuzzed: Counter[str] = field(default_factory=Counter)
    """Operation → how many random requests there were."""
    followed: Counter[str] = field(default_factory=Counter)
    """Operation → how often it was come to by a link, with something of the answer before."""

    def differences(self) -> Iterator[str]:
        """What is otherwise than the document says, each kind once per operation."""
        told: set[tuple[str, ...]] = set()
        for event in from_schema(self._schema()).execute():
            if isinstance(event, events.NonFatalError):
                yield f"{event.label}: {event.info.title}: {event.info.message}"
            if isinstance(event, events.ScenarioFinished):
                answered = [
                    each for each in event.recorder.interactions.values() if each.response is not None
                ]
                self.answers.update(each.response.status_code for each in answered)
                # Some are asked without a token on purpose; with it, nobody is a stranger (it lives for fifteen minutes).
                yield from (f"a stranger: {_shown(each)}" for each in answered if self._is_estranged(each))
                if event.phase is PhaseName.FUZZING:
                    self.fuzzed[event.label] += len(answered)
                self.followed.update(
                    node.value.operation.label
                    for node in event.recorder.cases.values()
                    if node.transition is not None and node.is_transition_applied
                )
                yield from _failures(event.recorder, told)

    def _is_estranged(self, asked: Any) -> bool:
        sent = [
            value
            for name, values in asked.request.headers.items()
            if name.lower() == "authorization"
            for value in values
        ]
        return asked.response.status_code == 401 and sent == [f"Bearer {self.token}"]

    def _schema(self) -> Any:
        document = copy.deepcopy(dict(self.document))  # schemathesis writes what it infers into its own
        schema = schemathesis.openapi.from_dict(
            document, config=schemathesis.Config.from_dict(self._config())
        )
        schema.config.base_url = self.origin
        return schema.exclude(lambda context: context.operation.label not in self.only)

    @property
    def has_links(self) -> bool:
        return any("links" in answer for answer in self._answers())

    def _answers(self) -> Iterator[Mapping[str, Any]]:
        for label in self.only:
            method, path = label.split(" ")
            yield from self.document["paths"][path][method.lower()]["responses"].values()

    def _config(self) -> dict[str, Any]:
        """See the reference of schemathesis' configuration file."""
        known = {name: {"dictionary": name, "probability": KNOWN} for name in self.known}
        not_enumerated = sorted(self.only - (self.only if self.enumerated is None else self.enumerated))
        return {
            "seed": self.seed,
            "headers": {"Authorization": f"Bearer {self.token}"},
            "continue-on-failure": True,
            "generation": {"max-examples": self.examples, "no-shrink": True, "database": "none"},
            "phases": {"fuzzing": UNMOVED, "stateful": {"enabled": self.has_links, "inference": AS_WRITTEN}},
            "checks": {
                "negative_data_rejection": {"expected-statuses": REFUSED},
                "positive_data_acceptance": {"expected-statuses": UNDERSTOOD},
            },
            "dictionaries": {name: {"values": [value]} for name, value in self.known.items()},
            "parameters": {f"{place}.{name}": known[name] for name in known for place in PLACES},
            "operations": [
                *(
                    {"include-name": name, "phases": {"coverage": {"enabled": False}}}
                    for name in not_enumerated
                ),
                *({"include-path": path, "checks": _also(more)} for path, more in LATER.items()),
            ],
        }


def shows_nothing(caller: str, runs: Sequence[Run]) -> list[str]:
    """Why all the runs of somebody show nothing, if that is so."""
    answers = sum((run.answers for run in runs), Counter[int]())
    found = [] if answers[200] else [f"nothing was answered with 200: {answers}"]
    fuzzed = sum(run.fuzzed.total() for run in runs)
    wanted = MOST_OF * sum(run.examples * len(run.only) for run in runs)
    if fuzzed < wanted:
        found.append(f"only {fuzzed} random requests, not {wanted:.0f}")
    if caller in FOLLOWERS:
        found += [f"no link of {title} was followed" for title in _not_followed(runs)]
    return found


def _not_followed(runs: Sequence[Run]) -> list[str]:
    """Documents none of whose links was followed. With few examples that may be so of some, but not of all."""
    linked = [run for run in runs if run.has_links]
    missing = [run for run in linked if not run.followed]
    few = any(run.examples < ENOUGH for run in linked)
    return [] if few and len(missing) < len(linked) else [run.document["info"]["title"] for run in missing]


def token_of(caller: Caller) -> str:
    return caller.http.headers["Authorization"].removeprefix("Bearer ")


def _also(statuses: list[str]) -> dict[str, Any]:
    """Checks that let these statuses pass too."""
    return {
        "not_a_server_error": {"expected-statuses": ["2xx", "4xx", *statuses]},
        "negative_data_rejection": {"expected-statuses": [*REFUSED, *statuses]},
        "positive_data_acceptance": {"expected-statuses": [*UNDERSTOOD, *statuses]},
    }


def _failures(recorder: Any, told: set[tuple[str, ...]]) -> Iterator[str]:
    for id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure, asked = check.failure_info.failure, recorder.interactions[id]
            operation = recorder.cases[id].value.operation.label
            kind = (operation, check.name, failure.message.partition("\n")[0])
            if kind not in told:
                told.add(kind)
                yield f"{operation}: {check.name}: {failure.message}\n{_shown(asked)}"


def _shown(asked: Any) -> str:
    """Request and answer, as short as will do."""
    request, answer = asked.request, asked.response
    sent = (request.body or b"")[:500].decode("utf-8", "backslashreplace")
    headers = json.dumps(
        {name: values for name, values in request.headers.items() if name in ("If-Match", "Idempotency-Key")}
    )
    got = "no answer" if answer is None else f"{answer.status_code} {answer.content[:500]!r}"
    return f"  {request.method} {request.uri[:300]} {headers}\n  {sent}\n  → {got}"
