"""``manage.py sandbox_payments``: the sandbox payment provider as a process of its own."""

import argparse
import signal
from pathlib import Path

from django.core.management.base import BaseCommand

from apps.local.payments.server import make_server


class Command(BaseCommand):
    """Serves the sandbox payment provider on loopback until SIGTERM."""

    help = "Serve the sandbox payment provider."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="loopback port")
        parser.add_argument("--data", type=Path, required=True, help="file of the provider's books")

    def handle(self, *_args: object, **options: object) -> None:
        port, data = options["port"], options["data"]
        assert isinstance(port, int)  # noqa: S101 - argparse's type
        assert isinstance(data, Path)  # noqa: S101 - same
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with make_server(port=port, data=data) as server:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                self.stdout.write("stopping")
