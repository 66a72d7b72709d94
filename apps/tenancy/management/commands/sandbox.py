"""``manage.py sandbox create|fill|claim|expire|list``: sandboxes, and the pool of accounts prepared for them."""

import time
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.tenancy.offboarding.opening import open_offboarding
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.sandboxes import SandboxPool, claim_sandbox, expire_sandboxes, list_leaving, list_sandboxes
from resale.domain.sandboxes import MAX_POOL_ACCOUNTS
from resale.domain.tenant_onboarding import REGIONS
from resale.errors import Outcome

_COUNT: Final = 3  # accounts in the pool, if no other number is named


class Command(BaseCommand):
    """Creates sandboxes out of a pool of prepared accounts. Their keys are printed once and stored nowhere."""

    help = "Create a sandbox with working keys in seconds, fill the pool of its accounts, claim, expire or list them."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="open a sandbox and print its keys")
        create.add_argument("--name", default="Sandbox", help="name of the shop")
        fill = actions.add_parser("fill", help="prepare accounts; continue those that were interrupted")
        fill.add_argument(
            "--count", type=int, default=_COUNT, help=f"accounts that are ready, 1 to {MAX_POOL_ACCOUNTS}"
        )
        for action in (create, fill):
            action.add_argument("--region", help=f"one of {', '.join(REGIONS)}; default: the platform's own")
        claim = actions.add_parser("claim", help="keep a sandbox: it does not expire any more")
        claim.add_argument("slug")
        actions.add_parser("expire", help="suspend and offboard those whose time is over; run it from a schedule")
        actions.add_parser("list", help="list all sandboxes and the accounts of the pool")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        actions: dict[str, Callable[[dict[str, Any]], None]] = {
            "create": self._create,
            "fill": self._fill,
            "claim": self._claim,
            "expire": self._expire,
            "list": self._list,
        }
        try:
            actions[options["action"]](options)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome

    def _create(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        sandbox = self._pool().create(name=options["name"], region=_region_of(options))
        seconds = time.monotonic() - began
        self._print(f"{sandbox.slug} is active after {seconds:.1f} s, in {sandbox.region}")
        self._print(
            f"  expires      {sandbox.expires_at:%Y-%m-%dT%H:%M:%SZ}, unless: manage.py sandbox claim {sandbox.slug}"
        )

    def _fill(self, options: dict[str, Any]) -> None:
        count, region = options["count"], _region_of(options)
        if not 1 <= count <= MAX_POOL_ACCOUNTS:
            raise CommandError(f"--count must be 1 to {MAX_POOL_ACCOUNTS}.")
        ready = self._pool().fill(count=count, region=region)
        self._print(f"{ready} accounts in {region} are ready")

    def _claim(self, options: dict[str, Any]) -> None:
        claim_sandbox(slug=options["slug"], now=clock.for_platform())
        self._print(f"{options['slug']} is claimed: it does not expire")

    def _expire(self, options: dict[str, Any]) -> None:  # noqa: ARG002 - takes none
        suspended = expire_sandboxes(now=clock.for_platform())
        for slug in suspended:
            self._print(f"{slug} has expired and is suspended")
        self._print(f"{len(suspended)} expired")
        if leaving := list_leaving():
            self._offboard(leaving)

    def _offboard(self, leaving: tuple[str, ...]) -> None:
        """Offboard each, without a hold period; the next call continues with those that fail."""
        offboarding, failed = open_offboarding(say=self._print), []
        for slug in leaving:
            try:
                offboarding.ensure(slug, hold_days=0)
            except Outcome as outcome:
                self._print(f"{slug}: {outcome.code}: {outcome.detail}")
                failed.append(slug)
            else:
                self._print(f"{slug} is closed")
        if failed:
            raise CommandError(f"These sandboxes are not closed yet, and are continued next time: {', '.join(failed)}.")

    def _list(self, options: dict[str, Any]) -> None:  # noqa: ARG002 - takes none
        for one in list_sandboxes():
            expires = "" if one.expires_at is None else f"{one.expires_at:%Y-%m-%dT%H:%M:%SZ}"
            self._print(f"{one.slug:<18} {one.state:<10} {one.region:<15} {expires:<21} {one.name}".rstrip())

    def _pool(self) -> SandboxPool:
        return SandboxPool(open_onboarding(deliver=self._print_keys, say=self._print), say=self._print)

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _print_keys(self, issued: IssuedKeys) -> None:
        self._print("the API keys, shown only this once:")
        self._print(f"  publishable  {issued.publishable}")
        self._print(f"  secret       {issued.secret}")


def _region_of(options: dict[str, Any]) -> str:
    return str(options["region"] or settings.RESALE.platform_region)
