"""Where the sandbox partners tell each brand of changes: the platform's own door, by the brand's connection."""

from pathlib import Path

from deploy.local.private_files import Secrets, save
from deploy.local.sandbox_server import Endpoint
from resale.domain.partners import PartnerKind


def webhooks_file(var: Path, kind: PartnerKind) -> Path:
    """Name the file that the sandbox of a kind reads before each event."""
    return var / kind / "webhooks.json"


def save_endpoints(var: Path, secrets: Secrets, *, base_url: str) -> None:
    """Write down for each sandbox where every account there (a brand's slug) wants its events; again is a no-op."""
    for kind in PartnerKind:
        connections = {slug: brand.connections[kind] for slug, brand in secrets.brands.items()}
        endpoints = {
            slug: Endpoint(url=f"{base_url}/v1/hooks/{connection.id}", secret=connection.webhook_secret)
            for slug, connection in connections.items()
        }
        save(webhooks_file(var, kind), endpoints)
