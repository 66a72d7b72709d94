"""``manage.py dead_letters SLUG PURPOSE list|show|replay [MESSAGE_ID]``: what a tenant's queue gave up on."""

import argparse
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.core.container import get_container
from apps.tenancy import registry
from resale.application.ports import DeadLetters
from resale.domain.tenants import Queues
from resale.errors import Outcome

_PURPOSES: Final = Queues.__struct_fields__


class Command(BaseCommand):
    """Lists, shows and replays dead letters, one at a time and by their id."""

    help = "List a tenant's dead letters of one queue, show one with its body, or send one to its queue again."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("purpose", choices=_PURPOSES)
        parser.add_argument("action", choices=("list", "show", "replay"))
        parser.add_argument("message_id", nargs="?", help="of the message to show or to replay")

    def handle(self, *_args: Any, **options: Any) -> None:
        action, message_id = options["action"], options["message_id"]
        if (message_id is None) != (action == "list"):
            raise CommandError("show and replay take the id of one message, list takes none.")
        try:
            letters = _open(options["slug"], options["purpose"])
            if action == "list":
                self._list(letters)
            elif action == "show":
                self._show(letters, message_id)
            else:
                self._replay(letters, message_id)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome

    def _list(self, letters: DeadLetters) -> None:
        for message in letters.list_messages():
            self.stdout.write(
                f"{message.message_id} received {message.receive_count} times, {len(message.body)} characters"
            )

    def _show(self, letters: DeadLetters, message_id: str) -> None:
        body = next((one.body for one in letters.list_messages() if one.message_id == message_id), None)
        if body is None:
            raise CommandError("No such message.")
        self.stdout.write(body)

    def _replay(self, letters: DeadLetters, message_id: str) -> None:
        if not letters.replay(message_id):
            raise CommandError("No such message.")
        self.stdout.write(f"{message_id} is in its queue again")


def _open(slug: str, purpose: str) -> DeadLetters:
    tenant = registry.by_slug(slug)
    return get_container().dead_letters(tenant, getattr(tenant.resources.queues, purpose))
