"""``manage.py state_pictures``: draws ``docs/states.md`` and its pictures anew from the tables that decide."""

from typing import Any

from django.core.management.base import BaseCommand

from deploy.local.engines.install import ENGINES_DIR
from deploy.local.state_diagrams import draw


class Command(BaseCommand):
    """Writes the page and pictures of the state machines."""

    help = "Draw docs/states.md and docs/states/*.svg from the state tables."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name in draw(ENGINES_DIR):
            self.stdout.write(f"wrote {name}")
