"""The secrets of one account of the local engines, written by its administrator, never by the platform's role."""

from collections.abc import Mapping
from typing import Final

import msgspec

from deploy.local.provisioning.connections import Endpoints, RootAccount
from resale.adapters.faults import unavailable_on_fault

#: The template tags what it makes the same way; the first part of a name is the tenant's slug.
_TAG_KEY: Final = "tenant"


class SecretPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a tenant's secrets, and the key that encrypts them."""

    account_id: str
    region: str
    key_arn: str


def put_secret(place: SecretPlace, *, aws_url: str, name: str, values: Mapping[str, str]) -> bool:
    """Create a secret, or a new version of it. Idempotent.

    Args:
        place: The tenant's account and key.
        aws_url: Where ministack listens.
        name: Its whole name, ``<slug>/<purpose>``: the access role reads no other.
        values: What it holds; stored as one JSON object.

    Returns:
        Whether anything was written.

    Raises:
        Unavailable: The engine refused or did not respond.
    """
    account = RootAccount(
        account_id=place.account_id, region=place.region, endpoints=Endpoints(aws_url=aws_url, dynamodb_url=aws_url)
    )
    text = msgspec.json.encode(dict(values), order="deterministic").decode()
    with unavailable_on_fault("Secrets Manager"):
        kept = _find(account, name)
        if kept is None:
            _create(account, place, name, text)
        elif kept != text:
            account.secrets.put_secret_value(SecretId=name, SecretString=text)
    return kept != text


def _create(account: RootAccount, place: SecretPlace, name: str, text: str) -> None:
    slug = name.partition("/")[0]
    account.secrets.create_secret(
        Name=name, SecretString=text, KmsKeyId=place.key_arn, Tags=[{"Key": _TAG_KEY, "Value": slug}]
    )


def _find(account: RootAccount, name: str) -> str | None:
    try:
        return account.secrets.get_secret_value(SecretId=name)["SecretString"]
    except account.secrets.exceptions.ResourceNotFoundException:
        return None
