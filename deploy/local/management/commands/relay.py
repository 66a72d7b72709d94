"""``manage.py relay``: send changes from the local engines' streams to the changes queues."""

import argparse
import os
import signal
from pathlib import Path

from django.core.management.base import BaseCommand

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy import registry
from deploy.local.database_watch import DatabaseWatch
from deploy.local.provisioning.pipes import LocalPipe
from deploy.local.relay import Checkpoint, Relay, TenantRelay
from resale.application.ports import StreamRange
from resale.domain.tenants import Tenant


class Command(BaseCommand):
    """Replaces the Pipes until SIGTERM."""

    help = "Carry changes from the local engines' streams to the changes queues."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--databases", type=Path, required=True, help="folder of <account id>.sqlite")
        parser.add_argument("--checkpoints", type=Path, required=True, help="folder of the relay's own files")
        parser.add_argument("--generation-file", type=Path, required=True, help="changes when queues lost messages")

    def handle(self, *_args: object, **options: object) -> None:
        databases, checkpoints, generation_file = (
            Path(str(options[name])) for name in ("databases", "checkpoints", "generation_file")
        )

        def make(tenant: Tenant) -> TenantRelay:
            container, pipe = get_container(), LocalPipe(tenant, aws_url=os.environ["AWS_ENDPOINT_URL"])

            def set_aside(place: StreamRange) -> None:
                pipe.set_aside(place, now=clock.for_platform())

            return TenantRelay(
                streams=container.streams(tenant),
                sender=container.queues(tenant),
                queue_url=tenant.resources.queues.changes.url,
                set_aside=set_aside,
                watch=DatabaseWatch(_file_of(databases, tenant)),
                checkpoint=Checkpoint(checkpoints / f"{tenant.account_id}-{tenant.region}.json", generation_file),
            )

        relay = Relay(tenants=registry.served_tenants, make=make)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: relay.stop())
        relay.run()


def _file_of(databases: Path, tenant: Tenant) -> Path:
    """Return the engine's file in the tenant's Region; it has one of its own where the account has two engines."""
    regional = databases / f"{tenant.account_id}-{tenant.region}.sqlite"
    return regional if regional.exists() else databases / f"{tenant.account_id}.sqlite"
