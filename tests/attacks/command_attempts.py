"""The attempts by commands, run for the attacker's shop."""

import io
from collections.abc import Iterator, Mapping
from typing import Final

from django.core.management import CommandError, call_command

from deploy.local.attacks import commands as table
from deploy.local.attacks.means import Attack
from tests.attacks.parties import Attacker, Victim

#: Command → the words for its own shop.
_OWN: Final[Mapping[str, str]] = {
    "dead_letters": "{slug} all list",
    "import_provider_fees": "{slug}",
    "ledger_journal": "{slug}",
    "reconcile_money": "{slug}",
    "set_aside": "{slug} count",
    "trial_balance": "{slug}",
    "write_off_debts": "{slug}",
}
#: Command → the words that name something of the victim.
_FOREIGN: Final[Mapping[str, str]] = {
    "dead_letters": "{slug} all replay {letter_id}",
    "reconcile": "--tenant {slug} --entity {order_id}",
}


def _run(attack: Attack, attacker: Attacker, victim: Victim) -> tuple[str, str, str]:
    """Return how a command ended, what it printed, and its words."""
    words = (_FOREIGN if attack.means.name == table.ID.name else _OWN)[attack.surface]
    sent = words.format(slug=attacker.slug, **victim.ids)
    output = io.StringIO()
    try:
        call_command(attack.surface, *sent.split(), stdout=output, stderr=output)
    except CommandError as error:
        return "refused", f"{output.getvalue()} {error}", sent
    return "done", output.getvalue(), sent


def faults_of(attack: Attack, attacker: Attacker, victim: Victim) -> Iterator[str]:
    """Iterate over what is wrong with one row."""
    outcome, text, sent = _run(attack, attacker, victim)
    if not attack.means.accepts(outcome):
        yield f"{attack}: {outcome} instead of {attack.means.expected}: {text[:300]}"
    if seen := victim.seen_in(text, sent=sent):
        yield f"{attack}: shows {seen}"
