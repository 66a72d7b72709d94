"""Attacks by management commands that work on one tenant's data."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from django.core.management import load_command_class

from deploy.local.attacks.means import Group, Means

ID: Final = Means(
    name="id",
    sends="The command for the attacker's shop, with an id of the victim.",
    expected="refused",
)
OWN_SHOP: Final = Means(
    name="own shop",
    sends="The command for the attacker's shop.",
    expected="done",
)

#: Command → the means that are tried on it.
ROWS: Final[Mapping[str, tuple[Means, ...]]] = {
    "dead_letters": (OWN_SHOP, ID),
    "import_provider_fees": (OWN_SHOP.expecting("done or refused"),),
    "ledger_journal": (OWN_SHOP,),
    "reconcile": (ID.expecting("done"),),
    "reconcile_money": (OWN_SHOP.expecting("done or refused"),),
    "set_aside": (OWN_SHOP,),
    "trial_balance": (OWN_SHOP,),
    "write_off_debts": (OWN_SHOP,),
}

_APP: Final = "apps.workers"  # the commands that read or write tenants' data; those of the registry are an operator's
_FOLDER: Final = Path(__file__).resolve().parents[3] / "apps" / "workers" / "management" / "commands"
_TENANT: Final = {"slug", "slugs", "tenant"}
_ID: Final = {"id", "entity"}


def find_needed() -> Mapping[str, tuple[Means, ...]]:
    """Return each command that takes a tenant, with the means that its arguments call for."""
    arguments = {path.stem: set(_arguments_of(path.stem)) for path in sorted(_FOLDER.glob("[a-z]*.py"))}
    return {name: (ID,) if names & _ID else (OWN_SHOP,) for name, names in arguments.items() if names & _TENANT}


def _arguments_of(name: str) -> Iterator[str]:
    parser = argparse.ArgumentParser()
    load_command_class(_APP, name).add_arguments(parser)  # type: ignore[arg-type]  # a parser is all that it needs
    for action in parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
        yield action.dest


COMMAND_GROUP: Final = Group(
    title="Commands",
    about=(
        "An operator runs a command for the attacker's shop. Its output shows nothing of another one, whatever ids are "
        "given. A command writes no line of a request."
    ),
    surface="command",
    place="ROWS of deploy/local/attacks/commands.py",
    means=(OWN_SHOP, ID),
    rows=ROWS,
    find_needed=find_needed,
)
