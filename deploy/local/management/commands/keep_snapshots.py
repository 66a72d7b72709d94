"""``manage.py keep_snapshots``: copy the engines' files regularly, so that tenants can be restored."""

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from deploy.local.database_watch import DatabaseWatch
from deploy.local.restores.snapshots import Snapshots


class Command(BaseCommand):
    """Takes snapshots until SIGTERM."""

    help = "On one machine, copy the engines' files regularly, so that restore_tenant has moments to restore to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=10.0, metavar="SECONDS", help="default: 10")
        parser.add_argument("--keep", type=int, default=360, metavar="COUNT", help="of each account; default: 360")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        var: Path = settings.VAR_DIR
        snapshots, watches = Snapshots(var / "snapshots", keep_count=options["keep"]), dict[Path, DatabaseWatch]()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        while not stopping.is_set():
            for file in sorted((var / "dynamodb").glob("[0-9]*.sqlite")):
                if watches.setdefault(file, DatabaseWatch(file)).has_changed():
                    moment = snapshots.take(file.stem, file)
                    self.stdout.write(f"{file.stem} {moment:%H:%M:%S.%f}")
            stopping.wait(options["every"])
