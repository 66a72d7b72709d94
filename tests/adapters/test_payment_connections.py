"""The payment provider a tenant's connection opens, with what its secret holds."""

import uuid
from collections.abc import Iterator, Mapping

import msgspec
import pytest
import stripe as library

from apps.local.engines.local import LocalEngines
from apps.local.payments.webhooks import sign
from resale.adapters.provisioning.secrets import SecretPlace, put_secret
from resale.bootstrap import Container
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, PartnerMisconfigured, Provider, SignatureInvalid
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.adapters.stripe_world import SAMPLES

Tenants = tuple[Tenant, Tenant]
SANDBOX_BODY = b'{"id": "evt_1", "type": "payment.captured", "created_at": "2026-03-01T10:00:00Z", "data": {}}'
STRIPE_BODY = (SAMPLES / "event_payment_intent.json").read_bytes()


@pytest.fixture
def container(resale_settings: Settings) -> Iterator[Container]:
    made = Container(resale_settings)
    yield made
    made.close()


@pytest.fixture
def northwind(tenants: Tenants) -> Tenant:
    return tenants[0]


def connected(tenant: Tenant, engines: LocalEngines, provider: Provider, values: Mapping[str, str]) -> Tenant:
    """The tenant, with a connection whose secret holds these."""
    name = f"{tenant.slug}/{uuid.uuid4().hex}"
    place = SecretPlace(account_id=tenant.account_id, region=tenant.region, key_arn=tenant.resources.key_arn)
    put_secret(place, aws_url=engines.aws_endpoint_url, name=name, values=values)
    connection = Connection(
        id=ConnectionId(f"con_{uuid.uuid4().hex}"), kind=PartnerKind.PAYMENTS, provider=provider, secret_name=name
    )
    return msgspec.structs.replace(tenant, connections=(connection,))


def stripe_signed(body: bytes, secret: str) -> dict[str, str]:
    return {"stripe-signature": library.WebhookSignature.generate_signature_header(body.decode(), secret)}


def test_stripe_with_its_secrets(container: Container, engines: LocalEngines, northwind: Tenant) -> None:
    secret = {"api_key": "sk_test_madeup", "webhook_secret": "whsec_a", "return_url": "https://shop.example/back"}
    payments = container.payments(connected(northwind, engines, Provider.STRIPE, secret))
    assert payments.name == "stripe"
    assert payments.read_event(body=STRIPE_BODY, headers=stripe_signed(STRIPE_BODY, "whsec_a")).reference == "pi_0"
    with pytest.raises(SignatureInvalid):
        payments.read_event(body=STRIPE_BODY, headers=stripe_signed(STRIPE_BODY, "whsec_of_another"))


def test_stripe_without_a_key_is_misconfigured(container: Container, engines: LocalEngines, northwind: Tenant) -> None:
    with pytest.raises(PartnerMisconfigured, match="has no api_key"):
        container.payments(connected(northwind, engines, Provider.STRIPE, {"webhook_secret": "whsec_a"}))


def test_the_sandbox_with_its_secret(container: Container, engines: LocalEngines, northwind: Tenant) -> None:
    payments = container.payments(connected(northwind, engines, Provider.SANDBOX, {"webhook_secret": "whsec_b"}))
    assert payments.name == "sandbox"
    headers = {"sandbox-signature": sign(SANDBOX_BODY, "whsec_b")}
    assert payments.read_event(body=SANDBOX_BODY, headers=headers).kind == "payment.captured"


def test_who_takes_no_payments_is_misconfigured(container: Container, engines: LocalEngines, northwind: Tenant) -> None:
    with pytest.raises(PartnerMisconfigured, match="takes no payments"):
        container.payments(connected(northwind, engines, Provider.EASYPOST, {"api_key": "EZTK"}))
