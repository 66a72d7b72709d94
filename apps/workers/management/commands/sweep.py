"""``manage.py sweep``: the sweep role."""

import argparse
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.workers.roles import run_until_stopped, sweep_loops
from apps.workers.starting import refuse_wrong_tenants


class Command(BaseCommand):
    """Wakes the due items of every tenant, until SIGTERM."""

    help = "Send the wake-up message of every item that is due, for all active tenants."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--interval-seconds",
            type=float,
            default=None,
            help="seconds between rounds; default: the stack's parameter",
        )
        parser.add_argument(
            "--health-file", type=Path, default=settings.HEALTH_FILE, help="file rewritten as a heartbeat"
        )

    def handle(self, *_args: object, **options: object) -> None:
        interval_seconds, health_file = options["interval_seconds"], options["health_file"]
        assert interval_seconds is None or isinstance(interval_seconds, float)  # noqa: S101 - argparse's type
        assert health_file is None or isinstance(health_file, Path)  # noqa: S101 - same
        refuse_wrong_tenants()
        run_until_stopped(sweep_loops(interval_seconds=interval_seconds, health_file=health_file))
