"""``manage.py register_replica SLUG --region REGION``: register the resource map of a tenant's replica."""

import sys
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.tenants import set_standby
from resale.domain.tenants import Resources, Standby
from resale.errors import Outcome


class Command(BaseCommand):
    """Registers a replica."""

    help = "Register the Region and resource map (JSON, from standard input) to which a tenant's writes can move."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--region", required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            resources = msgspec.json.decode(sys.stdin.buffer.read(), type=Resources)
            set_standby(slug=options["slug"], standby=Standby(region=options["region"], resources=resources))
        except msgspec.DecodeError as error:
            raise CommandError(f"This is not a resource map: {error}") from error
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{options['slug']} can move to {options['region']}")
