"""``manage.py onboard_tenant SLUG``: onboard a tenant, resume an onboarding, or print its plan."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.models import OnboardingRun, Tenant
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.onboarding_tables import RunState
from resale.domain.tenant_onboarding import REGIONS, OnboardingStep, TenantRequest
from resale.errors import Outcome


class Command(BaseCommand):
    """Onboards a tenant. Its first keys are printed once and stored nowhere."""

    help = "Onboard a tenant: account, stacks, smoke test, registration, keys. Resumable; prints the keys once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="3 to 31 characters: a-z, 0-9 and -")
        parser.add_argument("--name", help="name of the shop; default: the slug, capitalised")
        parser.add_argument("--region", help=f"write Region, one of {', '.join(REGIONS)}")
        parser.add_argument("--tier", choices=("standard", "premium"), default="standard")
        parser.add_argument("--account-id", help="an existing account to use; default: one is created")
        parser.add_argument("--market", help="country of the shop; default: that of the Region")
        parser.add_argument("--currency", help="default: that of the Region")
        parser.add_argument("--locale", help="default: that of the Region")
        parser.add_argument("--commission", type=int, default=0, metavar="BASIS_POINTS")
        parser.add_argument("--issuer", help="OIDC issuer of the shoppers' tokens; default: the platform's, if any")
        parser.add_argument("--audience", help="audience of the shoppers' tokens; default: <slug>-shop")
        parser.add_argument("--origin", action="append", default=[], help="origin of the storefront; repeatable")
        parser.add_argument("--dry-run", action="store_true", help="print the steps, and write nothing")
        parser.add_argument("--until", choices=[str(step) for step in OnboardingStep], help="pause after this step")
        parser.add_argument("--resume", action="store_true", help="continue an onboarding that was started before")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        slug, began = options["slug"], time.monotonic()
        until = OnboardingStep(options["until"]) if options["until"] else None
        try:
            onboarding = open_onboarding(deliver=self._print_keys, say=self._print)
            if options["dry_run"]:
                self._print_plan(onboarding, _request_of(options))
                return
            if options["resume"]:
                onboarding.resume(slug, until=until)
            else:
                onboarding.start(_request_of(options), until=until)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        self._print_result(slug, time.monotonic() - began)

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _print_plan(self, onboarding: Onboarding, request: TenantRequest) -> None:
        for planned in onboarding.plan(request):
            self._print(f"{'done' if planned.done else 'to do':<6} {planned.step:<20} {planned.purpose}")

    def _print_keys(self, issued: IssuedKeys) -> None:
        self._print("the API keys, shown only this once:")
        self._print(f"  publishable  {issued.publishable}")
        self._print(f"  secret       {issued.secret}")

    def _print_result(self, slug: str, seconds: float) -> None:
        run = OnboardingRun.objects.get(slug=slug)
        if run.state != RunState.ACTIVE:
            self._print(f"{slug} is {run.state} after the step {run.step}; continue it with --resume")
            return
        tenant = Tenant.objects.get(slug=slug)
        self._print(f"{slug} is {tenant.status} after {seconds:.1f} s: account {tenant.account_id}, {tenant.region}")
        self._print(f"  issuer       {tenant.oidc_issuer}   audience {tenant.oidc_audience}")
        if tenant.sandbox:
            self._print(f"  a token of a shopper, on this machine: manage.py mint_shopper {slug} robin")
        else:
            self._print("  a token of a shopper: the issuer signs it when the shopper signs in on the brand's site")


def _request_of(options: dict[str, Any]) -> TenantRequest:
    if options["region"] is None:
        raise CommandError(f"Name the tenant's Region with --region, one of {', '.join(REGIONS)}.")
    slug = options["slug"]
    return TenantRequest(
        slug=slug,
        name=options["name"] or slug.replace("-", " ").title(),
        region=options["region"],
        tier=options["tier"],
        account_id=options["account_id"],
        market=options["market"],
        currency=options["currency"],
        locale=options["locale"],
        commission_basis_points=options["commission"],
        oidc_issuer=options["issuer"],
        oidc_audience=options["audience"],
        allowed_origins=tuple(options["origin"]),
    )
