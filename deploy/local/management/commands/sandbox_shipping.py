"""``manage.py sandbox_shipping``: serve the sandbox carrier until stopped."""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deploy.local.shipping.server import ShippingServer


class Command(BaseCommand):
    """Serves the sandbox carrier."""

    help = "Serve the sandbox carrier on loopback, with its own records."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--data", type=Path, required=True, help="its SQLite file")
        parser.add_argument("--webhooks", type=Path, help="webhook endpoints as JSON: account to url and secret")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        ending = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        with ShippingServer(options["data"], webhooks=options["webhooks"], port=options["port"]):
            signal.sigwait(ending)
