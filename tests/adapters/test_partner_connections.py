"""The partners that a tenant's connections open, with what their secrets hold, and who has none."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Iterator, Mapping

import msgspec
import pytest
import stripe as library

from deploy.local.engines.local import LocalEngines
from deploy.local.payments.webhooks import sign
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from resale.bootstrap import Container
from resale.domain.ids import ConnectionId
from resale.domain.partners import (
    Connection,
    PartnerKind,
    PartnerMisconfigured,
    Provider,
    SignatureInvalid,
    WebhookUnreadable,
)
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


def put(tenant: Tenant, engines: LocalEngines, name: str, values: Mapping[str, str]) -> None:
    place = SecretPlace(account_id=tenant.account_id, region=tenant.region, key_arn=tenant.resources.key_arn)
    put_secret(place, aws_url=engines.aws_endpoint_url, name=name, values=values)


def _with_sandbox(settings: Settings) -> Settings:
    """Settings of a machine that runs the sandbox's partners."""
    return msgspec.structs.replace(settings, payments_url="http://127.0.0.1:1", shipping_url="http://127.0.0.1:2")


def connected(
    tenant: Tenant,
    engines: LocalEngines,
    provider: Provider,
    values: Mapping[str, str],
    kind: PartnerKind = PartnerKind.PAYMENTS,
) -> Tenant:
    """The tenant, with a connection whose secret holds these."""
    name = f"{tenant.slug}/{uuid.uuid4().hex}"
    put(tenant, engines, name, values)
    connection = Connection(id=ConnectionId(f"con_{uuid.uuid4().hex}"), kind=kind, provider=provider, secret_name=name)
    return msgspec.structs.replace(tenant, connections=(connection,))


def easypost_signed(body: bytes, secret: str) -> dict[str, str]:
    return {"x-hmac-signature": "hmac-sha256-hex=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


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
    with pytest.raises(PartnerMisconfigured, match="is not a payment provider"):
        container.payments(connected(northwind, engines, Provider.EASYPOST, {"api_key": "EZTK"}))


def test_easypost_with_its_secrets(container: Container, engines: LocalEngines, northwind: Tenant) -> None:
    secret = {"api_key": "EZTK_madeup", "webhook_secret": "whsec_c"}
    shipping = container.shipping(connected(northwind, engines, Provider.EASYPOST, secret, PartnerKind.SHIPPING))
    assert shipping.name == "easypost"
    with pytest.raises(WebhookUnreadable):  # so it was theirs
        shipping.read_event(body=b"{}", headers=easypost_signed(b"{}", "whsec_c"))
    with pytest.raises(SignatureInvalid):
        shipping.read_event(body=b"{}", headers=easypost_signed(b"{}", "whsec_of_another"))


def test_easypost_without_a_key_is_misconfigured(
    container: Container, engines: LocalEngines, northwind: Tenant
) -> None:
    tenant = connected(northwind, engines, Provider.EASYPOST, {"webhook_secret": "whsec_c"}, PartnerKind.SHIPPING)
    with pytest.raises(PartnerMisconfigured, match="has no api_key"):
        container.shipping(tenant)


def test_the_sandbox_carrier_with_its_secret(container: Container, engines: LocalEngines, northwind: Tenant) -> None:
    secret = {"webhook_secret": "whsec_d"}
    shipping = container.shipping(connected(northwind, engines, Provider.SANDBOX, secret, PartnerKind.SHIPPING))
    assert shipping.name == "sandbox"
    with pytest.raises(WebhookUnreadable):  # so it was theirs
        shipping.read_event(body=b"{}", headers={"sandbox-signature": sign(b"{}", "whsec_d")})


def test_a_rotated_secret_is_in_use_within_five_minutes(
    container: Container, engines: LocalEngines, northwind: Tenant
) -> None:
    tenant = connected(northwind, engines, Provider.SANDBOX, {"webhook_secret": "whsec_old"})
    headers = {"sandbox-signature": sign(SANDBOX_BODY, "whsec_new")}
    with pytest.raises(SignatureInvalid):
        container.payments(tenant).read_event(body=SANDBOX_BODY, headers=headers)
    put(tenant, engines, str(tenant.connections[0].secret_name), {"webhook_secret": "whsec_new"})
    container._secrets.clock = lambda: time.monotonic() + 300
    assert container.payments(tenant).read_event(body=SANDBOX_BODY, headers=headers).kind == "payment.captured"


def test_a_sandbox_tenant_without_connections_has_the_sandbox_where_there_is_one(
    resale_settings: Settings, northwind: Tenant
) -> None:
    container = Container(_with_sandbox(resale_settings))
    assert (container.payments(northwind).name, container.shipping(northwind).name) == ("sandbox", "sandbox")
    container.close()


def test_nobody_else_has_it(container: Container, resale_settings: Settings, northwind: Tenant) -> None:
    with_sandbox = Container(_with_sandbox(resale_settings))
    live = msgspec.structs.replace(northwind, sandbox=False)
    for opened, tenant in ((container, northwind), (with_sandbox, live)):
        for open_partner in (opened.payments, opened.shipping):
            with pytest.raises(PartnerMisconfigured, match="has no connection"):
                open_partner(tenant)
    with_sandbox.close()
