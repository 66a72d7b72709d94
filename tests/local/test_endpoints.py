"""Where the sandbox partners are told to send their webhooks."""

import stat
from pathlib import Path

import msgspec
import pytest

from deploy.local.payments.webhooks import Endpoint as PaymentsEndpoint
from deploy.local.private_files import load_secrets
from deploy.local.sandbox_server import Endpoint as CarriersEndpoint
from deploy.local.webhook_urls import save_endpoints, webhooks_file
from resale.domain.partners import PartnerKind


@pytest.mark.parametrize(
    ("kind", "read_as"), [(PartnerKind.PAYMENTS, PaymentsEndpoint), (PartnerKind.SHIPPING, CarriersEndpoint)]
)
def test_each_brands_connection_is_where_its_sandbox_tells_it(
    tmp_path: Path, kind: PartnerKind, read_as: type[msgspec.Struct]
) -> None:
    secrets = load_secrets(tmp_path / "secrets.json", ("northwind", "atelier"))
    save_endpoints(tmp_path, secrets, base_url="http://127.0.0.1:8000")
    file = webhooks_file(tmp_path, kind)
    connection = secrets.brands["northwind"].connections[kind]
    told = msgspec.json.decode(file.read_bytes(), type=dict[str, read_as])  # type: ignore[valid-type]  # as that sandbox reads it
    assert told["northwind"] == read_as(
        url=f"http://127.0.0.1:8000/v1/hooks/{connection.id}", secret=connection.webhook_secret
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
