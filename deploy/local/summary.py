"""The description of a running platform: ``var/demo.json`` for programs, a few lines for people."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from deploy.local.brands import BRANDS, BUYER, OPERATOR_EMAIL, SELLER, STAFF_ROLES, Brand
from deploy.local.issuer.tokens import issuer_url, mint
from deploy.local.private_files import Demo, DemoTenant, Login, RoleLogin, Secrets
from deploy.local.services import Addresses
from resale.domain.access import Role

TOKENS_GOOD_FOR: Final = timedelta(days=7)


def describe(addresses: Addresses, secrets: Secrets, *, issuers: Path) -> Demo:
    """Build the data for a driver of the demo; the shoppers' tokens are new each time."""
    return Demo(
        base_url=addresses.base_url,
        admin_url=addresses.admin_url,
        tenants=tuple(_tenant(brand, addresses, secrets, issuers) for brand in BRANDS),
        operator=Login(OPERATOR_EMAIL, secrets.operator_password),
        payments_url=addresses.payments_url,
        shipping_url=addresses.shipping_url,
    )


def token(brand: Brand, subject: str, addresses: Addresses, *, issuers: Path) -> str:
    """Sign a shopper's token like the brand's own issuer."""
    issuer = issuer_url(addresses.issuer_url, brand.slug)
    return mint(issuers, brand.slug, subject, issuer=issuer, audience=brand.audience, lifetime=TOKENS_GOOD_FOR)


def summary(demo: Demo, *, var: Path) -> Iterator[str]:
    """Iterate over the lines with addresses and logins."""
    api = f"{demo.base_url}/v1"
    yield f"API        {api}   documentation {api}/docs   OpenAPI {api}/openapi.json"
    yield f"admin      {demo.admin_url}/admin/"
    for tenant in demo.tenants:
        for login in tenant.logins:
            yield f"  {tenant.slug:<10} {login.role:<10} {login.email:<28} {login.password}"
    yield f"  {'platform':<10} {'operator':<10} {demo.operator.email:<28} {demo.operator.password}"
    yield f"sandbox    payment provider {demo.payments_url}/books   carrier {demo.shipping_url}/books"
    yield f"files      keys and shoppers' tokens {var / 'demo.json'}   logs {var / 'log'}"


def next_steps(demo: Demo, *, var: Path) -> Iterator[str]:
    """Iterate over the lines of suggestions. Keys are read from their file, because terminals and logs are stored."""
    api, first = f"{demo.base_url}/v1", demo.tenants[0]
    yield "to try, in another terminal"
    read = f"import json; print(json.load(open('{var / 'demo.json'}'))['tenants'][0]['publishable_key'])"
    yield f'  curl -H "X-API-Key: $(python3 -c "{read}")" {api}/listings'
    yield f"  make shopper TENANT={first.slug} NAME=robin      # a token of another shopper, for Authorization: Bearer"
    yield f'  make manage ARGS="reconcile --tenant {first.slug}"   # any command of docs/reference/commands.md'


def _tenant(brand: Brand, addresses: Addresses, secrets: Secrets, issuers: Path) -> DemoTenant:
    kept = secrets.brands[brand.slug]
    if kept.publishable_key is None or kept.secret_key is None:
        raise RuntimeError("the brands are registered before they are described")
    return DemoTenant(
        slug=brand.slug,
        account_id=brand.account_id,
        region=brand.region,
        publishable_key=kept.publishable_key,
        secret_key=kept.secret_key,
        seller_token=token(brand, SELLER, addresses, issuers=issuers),
        buyer_token=token(brand, BUYER, addresses, issuers=issuers),
        staff=Login(brand.staff_email(Role.MANAGER), kept.staff_password),
        logins=tuple(RoleLogin(role, brand.staff_email(role), kept.staff_password) for role in STAFF_ROLES),
    )
