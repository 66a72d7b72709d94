"""``manage.py changes``: the changes role."""

import argparse
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.workers.changes.consumer import WAIT_SECONDS
from apps.workers.roles import changes_loops, run_until_stopped
from apps.workers.starting import refuse_wrong_tenants


class Command(BaseCommand):
    """Copies the changes of every tenant to history and sends the tasks that follow, until SIGTERM."""

    help = "Copy changes to history and send what follows, for all active tenants."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--wait-seconds", type=int, default=WAIT_SECONDS, help="seconds that one receive waits")
        parser.add_argument(
            "--health-file", type=Path, default=settings.HEALTH_FILE, help="file rewritten as a heartbeat"
        )

    def handle(self, *_args: object, **options: object) -> None:
        wait_seconds, health_file = options["wait_seconds"], options["health_file"]
        assert isinstance(wait_seconds, int)  # noqa: S101 - argparse's type
        assert health_file is None or isinstance(health_file, Path)  # noqa: S101 - same
        refuse_wrong_tenants()
        run_until_stopped(changes_loops(wait_seconds=wait_seconds, health_file=health_file))
