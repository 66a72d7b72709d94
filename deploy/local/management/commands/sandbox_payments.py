"""``manage.py sandbox_payments``: serve the sandbox payment provider until stopped."""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deploy.local.payments.server import PaymentsServer


class Command(BaseCommand):
    """Serves the sandbox payment provider."""

    help = "Serve the sandbox payment provider on loopback, with its own ledger."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--data", type=Path, required=True, help="its SQLite file")
        parser.add_argument(
            "--webhooks", type=Path, help='webhook endpoints as JSON: {"<tenant\'s slug>": {"url": …, "secret": …}}'
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        ending = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        with PaymentsServer(options["data"], port=options["port"], webhooks=options["webhooks"]):
            signal.sigwait(ending)
