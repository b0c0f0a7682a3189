"""A command given on a page: a form at `?do=<command>` of the referral's own address, so that it comes back to the same page."""

from __future__ import annotations

from collections.abc import Sequence

from services.referrals import policy
from services.referrals.domain.referral import Referral
from services.referrals.doors import COMMANDS, Command, service
from shared import ui
from shared.aggregate import Saved
from shared.http import actor
from shared.http.fields import Code, Schema
from shared.i18n import N_
from shared.refusals import Invalid
from shared.ui import forms
from shared.ui.forms import Form

REASONS = tuple(policy.reasons())
"""The reasons that a person may give."""


class Doing(Schema):
    """Which command's form is open, or sent."""

    do = Code([command.name for command in COMMANDS])


def command_of(who: Sequence[str]) -> Command:
    """The command that the address names, one of those roles. Raises Invalid."""
    do = ui.query(Doing).get("do")
    for command in COMMANDS:
        if command.name == do and command.who == who:
            return command
    raise Invalid({"do": [N_("Invalid value.")]})


def attempted(command: Command, id: str) -> tuple[Form, Saved[Referral] | None]:
    """The form that was sent, and the referral after the command: None where it was not carried out."""
    form = forms.sent(command.body)
    if not form.ready:
        return form, None
    return form, form.attempt(
        lambda: command.carry_out(service(), actor(), form.ask(command.name), id, **form.data)
    )
