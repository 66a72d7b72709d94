"""What is said about a running platform: ``var/demo.json`` for programs, a few lines for people."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from apps.local.brands import BRANDS, BUYER, OPERATOR_EMAIL, SELLER, Brand
from apps.local.issuer.tokens import issuer_url, mint
from apps.local.private_files import Demo, DemoTenant, Login, Secrets
from apps.local.services import Addresses

_TOKENS_GOOD_FOR: Final = timedelta(days=7)


def describe(addresses: Addresses, secrets: Secrets, *, issuers: Path) -> Demo:
    """Gather what a driver of the demo needs; the shoppers' tokens are new each time."""
    return Demo(
        base_url=addresses.base_url,
        tenants=tuple(_tenant(brand, addresses, secrets, issuers) for brand in BRANDS),
        operator=Login(OPERATOR_EMAIL, secrets.operator_password),
    )


def token(brand: Brand, subject: str, addresses: Addresses, *, issuers: Path) -> str:
    """Sign a shopper's token as the brand's own issuer."""
    issuer = issuer_url(addresses.issuer_url, brand.slug)
    return mint(issuers, brand.slug, subject, issuer=issuer, audience=brand.audience, lifetime=_TOKENS_GOOD_FOR)


def summary(demo: Demo, *, file: Path) -> Iterator[str]:
    """Say where everything is and how to get in."""
    yield f"API      {demo.base_url}/v1   documentation {demo.base_url}/v1/docs"
    yield f"admin    {demo.base_url}/admin/"
    for tenant in demo.tenants:
        yield f"  {tenant.slug:<10} {tenant.staff.email}  {tenant.staff.password}"
    yield f"  {'operator':<10} {demo.operator.email}  {demo.operator.password}"
    yield f"keys and shoppers' tokens are in {file}"


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
        staff=Login(brand.staff_email, kept.staff_password),
    )
