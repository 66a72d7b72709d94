"""``manage.py reference``: write the reference pages of ``docs/`` from the code that they describe."""

from typing import Any

from django.core.management.base import BaseCommand

from deploy.local.engines.install import ENGINES_DIR
from deploy.local.reference.pages import write_pages


class Command(BaseCommand):
    """Writes the generated pages and pictures that changed."""

    help = "Write docs/reference, its pictures and the list of decisions from the code that they describe."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        written = list(write_pages(tools=ENGINES_DIR))
        for path in written:
            self.stdout.write(f"wrote {path}")
        if not written:
            self.stdout.write("nothing changed")
