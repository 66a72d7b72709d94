"""``manage.py set_aside SLUG count|replay|discard``: changes that a Pipe set aside."""

import argparse
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.changes.set_aside import SetAsideChanges
from resale.domain.tenants import Tenant
from resale.errors import Outcome

STAY_MAX: Final = 1_000  # messages that cannot be sent; what is hidden for five minutes would come round again


class Command(BaseCommand):
    """Counts the changes that were set aside, redelivers them, or deletes those that are no longer in the stream."""

    help = "List the changes that a Pipe set aside, and redeliver them from the stream."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("action", choices=("count", "replay", "discard"))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            tenant = registry.by_slug(options["slug"])
            if not tenant.resources.pipes_dlq_url:
                raise CommandError(
                    "The tenant's resource map has no pipes_dlq_url. Update its stack and its resource map."
                )
            if options["action"] == "count":
                count = get_container().queues(tenant).count(tenant.resources.pipes_dlq_url)
                self.stdout.write(f"{count} messages")
            else:
                self._redeliver(_open(tenant), discard=options["action"] == "discard")
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome

    def _redeliver(self, set_aside: SetAsideChanges, *, discard: bool) -> None:
        sent, left, stay, more = 0, 0, 0, True
        while more and stay < STAY_MAX:
            done = set_aside.run_once(discard_trimmed=discard)
            for each in done.left:
                place = "" if each.place is None else f" {each.place.stream_arn} {each.place.first}"
                self.stdout.write(f"{each.message_id} {each.why}{place}{' (discarded)' if each.discarded else ''}")
            sent, left, more = sent + done.sent, left + len(done.left), done.more
            stay += sum(not each.discarded for each in done.left)
        self.stdout.write(f"{sent} changes sent to the changes queue, {left} messages not sent")
        if stay:
            raise CommandError("Messages that were not sent stay in the queue; see docs/dead-letters.md.")


def _open(tenant: Tenant) -> SetAsideChanges:
    container = get_container()
    return SetAsideChanges(
        tenant=tenant,
        queues=container.queues(tenant),
        open_streams=lambda: container.streams(tenant),
        read_range=container.stream_range,
    )
