"""The webhook endpoints of the sandbox partners: the platform's API, by the connection of each brand."""

from pathlib import Path

from deploy.local.private_files import Secrets, save
from deploy.local.sandbox_server import Endpoint
from resale.domain.partners import PartnerKind


def webhooks_file(var: Path, kind: PartnerKind) -> Path:
    """Return the endpoint file of a sandbox, which it reads before each event."""
    return var / kind / "webhooks.json"


def save_endpoints(var: Path, secrets: Secrets, *, base_url: str) -> None:
    """Write the endpoints of every account (a brand's slug) for each sandbox. Idempotent."""
    for kind in PartnerKind:
        connections = {slug: brand.connections[kind] for slug, brand in secrets.brands.items()}
        endpoints = {
            slug: Endpoint(url=f"{base_url}/v1/hooks/{connection.id}", secret=connection.webhook_secret)
            for slug, connection in connections.items()
        }
        save(webhooks_file(var, kind), endpoints)
