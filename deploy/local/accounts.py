"""The AWS accounts of the local platform: the platform's user, each brand's stack, and its secrets."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from deploy.local.brands import BRANDS, PLATFORM_ACCOUNT, PLATFORM_REGION, Brand
from deploy.local.engines.local import LocalEngines
from deploy.local.private_files import BrandSecrets, Secrets
from deploy.local.provisioning.platform import ensure_platform_key, platform_principal_arn
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from deploy.local.provisioning.tenants import Provisioned, TenantStack, provision_tenant
from resale.domain.tenants import Resources

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "deploy" / "tenant"


def provision(
    engines: LocalEngines, secrets: Secrets, *, origins: tuple[str, ...], say: Callable[[str], None]
) -> Mapping[str, Resources]:
    """Create or update everything in every account; ``secrets.platform_key`` is set afterwards.

    Returns:
        The resource map of each brand, by slug.
    """
    secrets.platform_key = ensure_platform_key(
        aws_url=engines.aws_endpoint_url,
        account_id=PLATFORM_ACCOUNT,
        region=PLATFORM_REGION,
        known=secrets.platform_key,
    )
    provisioned = {brand.slug: _provision(brand, engines, secrets, origins) for brand in BRANDS}
    for gap in dict.fromkeys(gap for each in provisioned.values() for gap in each.gaps):
        say(f"  on this machine: {gap}")
    for brand in BRANDS:
        _put_secrets(brand, engines, secrets.brands[brand.slug], provisioned[brand.slug].resources)
    _save_once(engines, provisioned, secrets)
    return {slug: each.resources for slug, each in provisioned.items()}


def _provision(brand: Brand, engines: LocalEngines, secrets: Secrets, origins: tuple[str, ...]) -> Provisioned:
    stack = TenantStack(
        slug=brand.slug,
        account_id=brand.account_id,
        region=brand.region,
        external_id=secrets.brands[brand.slug].external_id,
        platform_principal_arn=platform_principal_arn(PLATFORM_ACCOUNT),
        data_parameters=_parameters(engines.aws_endpoint_url, origins),
        template_folder=TEMPLATES,
    )
    dynamodb_url = engines.dynamodb_endpoints[brand.account_id]
    return provision_tenant(stack, aws_url=engines.aws_endpoint_url, dynamodb_url=dynamodb_url)


def _put_secrets(brand: Brand, engines: LocalEngines, kept: BrandSecrets, resources: Resources) -> None:
    """Store the webhook secrets of the sandbox partners in the brand's Secrets Manager."""
    place = SecretPlace(account_id=brand.account_id, region=brand.region, key_arn=resources.key_arn)
    for kind, connection in kept.connections.items():
        values = {"webhook_secret": connection.webhook_secret}
        put_secret(place, aws_url=engines.aws_endpoint_url, name=brand.secret_name(kind), values=values)


def _parameters(aws_url: str, origins: tuple[str, ...]) -> Mapping[str, str]:
    """Return the local parameters of data.yaml: short timeouts, many retries, no protection against deletion."""
    return {
        "AllowedOrigins": ",".join(origins),
        "Sandbox": "true",
        "IndexShards": "2",
        "VisibilityTimeoutSeconds": "15",
        "MaxReceiveCount": "20",
        "SweepIntervalSeconds": "5",
        "DeletionProtection": "false",
        "AuditLockMode": "GOVERNANCE",
        "PublicMediaOrigin": aws_url,
    }


def _save_once(engines: LocalEngines, provisioned: Mapping[str, Provisioned], secrets: Secrets) -> None:
    """Restart ministack cleanly if keys, roles, queues or secrets are new, so that it writes its state.

    A crash would otherwise take the key away that wraps everybody's data keys.
    """
    outputs = sorted((slug, sorted(each.outputs.items())) for slug, each in provisioned.items())
    connections = sorted((slug, repr(sorted(brand.connections.items()))) for slug, brand in secrets.brands.items())
    digest = hashlib.sha256(repr((outputs, secrets.platform_key, connections)).encode()).hexdigest()
    marker = engines.ministack_files.folder / "provisioned"
    if marker.exists() and marker.read_text() == digest:
        return
    engines.restart_ministack()
    marker.write_text(digest)
