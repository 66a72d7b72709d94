"""``manage.py set_aside SLUG count|replay|discard``: changes that a Pipe gave up on."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.set_aside import Redelivery, SetAsideChanges
from resale.domain.tenants import Tenant
from resale.errors import Outcome


class Command(BaseCommand):
    """Counts the changes that were set aside, sends them now, or deletes those that left the stream."""

    help = "Look at the changes that a Pipe gave up on, and send them again from the stream."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("action", choices=("count", "replay", "discard"))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            tenant = registry.by_slug(options["slug"])
            if not tenant.resources.pipes_dlq_url:
                raise CommandError("The tenant's resource map has no pipes_dlq_url: update its stack and its map.")
            if options["action"] == "count":
                count = get_container().queues(tenant).count(tenant.resources.pipes_dlq_url)
                self.stdout.write(f"{count} messages")
            else:
                self._say(_open(tenant).run_once(discard_trimmed=options["action"] == "discard"))
        except Outcome as outcome:
            raise CommandError(outcome.detail or outcome.code) from outcome

    def _say(self, done: Redelivery) -> None:
        for left in done.left:
            place = "" if left.place is None else f" {left.place.stream_arn} {left.place.first}"
            self.stdout.write(f"{left.message_id} {left.why}{place}{' (discarded)' if left.discarded else ''}")
        self.stdout.write(f"{done.sent} changes sent to the changes queue, {len(done.left)} messages not sent")
        if any(not left.discarded for left in done.left):
            raise CommandError("What was not sent stays; docs/dead-letters.md says what to do.")


def _open(tenant: Tenant) -> SetAsideChanges:
    container = get_container()
    return SetAsideChanges(
        tenant=tenant,
        queues=container.queues(tenant),
        open_streams=lambda: container.streams(tenant),
        read_range=container.stream_range,
    )
