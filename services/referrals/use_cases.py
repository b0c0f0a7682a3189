"""What people do with referrals: one function per command. Load, may he?, decide, save.

Staff make, cancel and acknowledge; the agency does the rest. Each gives the referral as it stands afterwards. All raise NotFound
(it does not exist, or may not be read), Forbidden (may be read, not acted on), WrongState, Invalid, and what the aggregate store
raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo.client_session import ClientSession

from services.referrals.domain import referral as domain
from services.referrals.domain.case import KnownCase
from services.referrals.domain.directory import Service, choose
from services.referrals.domain.referral import Decision, Referral, Result
from services.referrals.reading import file_of, is_for, readable
from services.referrals.service import Referrals
from shared import reference
from shared.access import Actor, may_act, may_read
from shared.aggregate import Ask, Once, Saved, next_number
from shared.i18n import N_
from shared.ids import creation_id
from shared.refusals import Forbidden, Invalid, NotFound

# ---------------------------------------------------------------------------------------------- staff


def request_referral(
    referrals: Referrals,
    actor: Actor,
    once: Once,
    *,
    now: datetime,
    case_id: str,
    priority: str,
    reason: str,
    disclose: Sequence[str],
    measure: int | None = None,
    service_id: str | None = None,
    service_kind: str | None = None,
    replaces: str | None = None,
) -> Saved[Referral]:
    """Ask an agency: the one of `service_id`, or one of `service_kind` in the center's region.

    One transaction: the case's row is locked (a reaction to the case's next event waits for us, or we for it), the referral is
    made, and the one that it replaces ends its `choose-another`: there is never both, nor neither.
    """
    id = creation_id("referral", actor.sub, once.key)

    def work(session: ClientSession) -> Saved[Referral]:
        case = referrals.store.cases.lock(case_id, session)
        if case is None or not may_read(actor, file_of(referrals, case)):
            raise NotFound

        def decide() -> Decision:
            if not may_act(actor, case.holder, case.center_id):
                raise Forbidden
            file = referrals.store.files.known(case.family_id)
            return domain.request(
                number=_number(referrals, case.center_id, now),
                case_id=case_id,
                case=case,
                measure=measure,
                service=_service(referrals, case_id, case, service_id, service_kind),
                priority=priority,
                reason=reason,
                disclose=disclose,
                replaces=replaces,
                restricted=file.restricted if file else True,
                file_version=file.file_version if file else -1,
                actor=actor.sub,
                now=now,
                deadlines=referrals.policy.deadlines,
            )

        saved = referrals.store.referrals.create(id, decide, once, session)
        if saved.changed and replaces is not None:
            _replace(referrals, case_id, replaces, id, actor, now, session)
        return saved

    return referrals.store.transaction(work)


def cancel(
    referrals: Referrals, actor: Actor, ask: Ask, id: str, *, reason_code: str, note: str | None = None
) -> Saved[Referral]:
    """Take a referral back. A reason that says too little needs a note."""
    _as_staff(referrals, actor, id)
    return _change(referrals, actor, ask, id, "cancel", reason_code=reason_code, note=note)


def acknowledge(referrals: Referrals, actor: Actor, ask: Ask, id: str, *, note: str) -> Saved[Referral]:
    """Take note of a referral that came to nothing, without sending another one in its place."""
    _as_staff(referrals, actor, id)
    return referrals.store.referrals.change(
        id,
        lambda referral: domain.acknowledge(referral, actor=actor.sub, now=ask.now, note=note),
        ask,
    )


# ---------------------------------------------------------------------------------------------- the agency


def accept(referrals: Referrals, actor: Actor, ask: Ask, id: str) -> Saved[Referral]:
    """The agency will do it; the client's fields open."""
    return _by_agency(referrals, actor, ask, id, "accept")


def reject(
    referrals: Referrals, actor: Actor, ask: Ask, id: str, *, reason_code: str, note: str | None = None
) -> Saved[Referral]:
    """The agency will not do it."""
    return _by_agency(referrals, actor, ask, id, "reject", reason_code=reason_code, note=note)


def start(referrals: Referrals, actor: Actor, ask: Ask, id: str) -> Saved[Referral]:
    """The agency has begun."""
    return _by_agency(referrals, actor, ask, id, "start")


def hold(referrals: Referrals, actor: Actor, ask: Ask, id: str, *, note: str) -> Saved[Referral]:
    """The agency cannot go on for a while. Its clock goes on: the family waits either way."""
    return _by_agency(referrals, actor, ask, id, "hold", note=note)


def resume(referrals: Referrals, actor: Actor, ask: Ask, id: str) -> Saved[Referral]:
    """The agency goes on."""
    return _by_agency(referrals, actor, ask, id, "resume")


def complete(referrals: Referrals, actor: Actor, ask: Ask, id: str, *, result: Result) -> Saved[Referral]:
    """The help was given; the client's fields shut."""
    if result.given_on > referrals.policy.deadlines.calendar.today(ask.now):
        raise Invalid({"result.given_on": [N_("May not lie in the future.")]})
    return _by_agency(referrals, actor, ask, id, "complete", result=result)


def fail(
    referrals: Referrals, actor: Actor, ask: Ask, id: str, *, reason_code: str, note: str | None = None
) -> Saved[Referral]:
    """The agency could not do it after all; the client's fields shut."""
    return _by_agency(referrals, actor, ask, id, "fail", reason_code=reason_code, note=note)


# ---------------------------------------------------------------------------------------------- what they share


def _as_staff(referrals: Referrals, actor: Actor, id: str) -> None:
    """Whoever holds it, or supervises its center."""
    referral = readable(referrals, actor, id).state
    if not may_act(actor, referral.holder, referral.center_id):
        raise Forbidden


def _by_agency(
    referrals: Referrals, actor: Actor, ask: Ask, id: str, command: str, **told: object
) -> Saved[Referral]:
    """A command of the agency that the referral was sent to; to any other the referral does not exist."""
    if not is_for(actor, referrals.store.referrals.get(id).state):
        raise NotFound
    return _change(referrals, actor, ask, id, command, **told)


def _change(
    referrals: Referrals,
    actor: Actor,
    ask: Ask,
    id: str,
    command: str,
    *,
    reason_code: str | None = None,
    note: str | None = None,
    result: Result | None = None,
) -> Saved[Referral]:
    if reason_code is not None and referrals.policy.reasons[reason_code].needs_note and not note:
        raise Invalid({"note": [N_("This reason needs a note.")]})
    return referrals.store.referrals.change(
        id,
        lambda referral: domain.change(
            referral,
            command,
            actor=actor.sub,
            now=ask.now,
            deadlines=referrals.policy.deadlines,
            reason_code=reason_code,
            note=note,
            result=result,
        ),
        ask,
    )


def _replace(
    referrals: Referrals,
    case_id: str,
    replaced: str,
    by: str,
    actor: Actor,
    now: datetime,
    session: ClientSession,
) -> None:
    """End what the holder had to do about the referral that is replaced, in the same transaction."""
    old = referrals.store.referrals.find(replaced, session)
    if old is None or old.state.case_id != case_id:
        raise Invalid({"replaces": [N_("The case has no such referral.")]})
    ask = Ask(command="be-replaced", key=None, hash="", if_match=old.version, now=now)
    referrals.store.referrals.change(
        replaced,
        lambda referral: domain.be_replaced(referral, by, actor=actor.sub, now=now),
        ask,
        session,
    )


def _number(referrals: Referrals, center_id: str, now: datetime) -> str:
    """The next number of the center in this year: `71-1-2026-000123`."""
    series = f"{center_id.removeprefix('center-')}-{referrals.policy.deadlines.calendar.today(now).year}"
    return f"{series}-{next_number(referrals.store.database, f'referral/{series}'):06d}"


def _service(
    referrals: Referrals, case_id: str, case: KnownCase, service_id: str | None, service_kind: str | None
) -> Service:
    """The service that is meant. Raises Invalid, naming the field."""
    if service_id is not None:
        service = referrals.store.directory.get(service_id)
        if service is None:
            raise Invalid({"service_id": [N_("There is no such service.")]})
        if service_kind not in (None, service.kind):
            raise Invalid({"service_kind": [N_("The service is of another kind.")]})
        return service
    if service_kind is None:
        raise Invalid({"service_id": [N_("Name a service or a kind of service.")]})
    return _service_of_kind(referrals, case_id, case, service_kind)


def _service_of_kind(referrals: Referrals, case_id: str, case: KnownCase, kind: str) -> Service:
    center = reference.center(case.center_id)
    if center is None:
        raise Invalid({"service_id": [N_("The region of the center is not known: name a service.")]})
    services = referrals.store.directory.find({"region": center.region, "kind": kind})
    declined = referrals.store.declined(case_id, kind)
    service = choose(services, center.kato, declined)
    if service is None:
        raise Invalid({"service_kind": [N_("No agency in the region gives this kind of service.")]})
    return service
