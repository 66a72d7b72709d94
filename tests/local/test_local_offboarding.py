"""The calls of an offboarding on the real engines: items, backups, key and secrets."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.providers import LocalPlace
from deploy.local.onboarding.retirement import LocalRetirement
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from resale.domain.tenants import Tenant
from tests.fixtures.provisioned import PLATFORM_ACCOUNT


@pytest.fixture
def retirement(engines: LocalEngines, tmp_path: Path) -> LocalRetirement:
    AccountFiles(tmp_path).save_endpoints(engines.dynamodb_endpoints)
    place = LocalPlace(
        var=tmp_path,
        platform_account=PLATFORM_ACCOUNT,
        aws_url=engines.aws_endpoint_url,
        base_url="http://127.0.0.1:1",
        issuer_base_url="http://127.0.0.1:2",
        origins=(),
    )
    return LocalRetirement(place)


@pytest.fixture
def leaver(retirement: LocalRetirement, tenants: tuple[Tenant, Tenant]) -> Tenant:
    """A tenant in the account of another one, with a key of its own that can be destroyed."""
    kms: Any = retirement._client_for(tenants[0], "kms")
    key_arn = kms.create_key(Description="of a tenant that leaves")["KeyMetadata"]["Arn"]
    resources = msgspec.structs.replace(tenants[0].resources, key_arn=key_arn)
    return msgspec.structs.replace(tenants[0], slug="leaver", resources=resources)


class TestAccountRetirement:
    def test_every_item_is_exported(self, retirement: LocalRetirement, leaver: Tenant) -> None:
        table, dynamodb = leaver.resources.tables.idempotency, retirement._client_for(leaver, "dynamodb")
        before = set(retirement.iter_items(leaver, table))
        wanted = {f"leaving-{number}" for number in range(30)}
        for pk in wanted:
            item = {"pk": {"S": pk}, "body": {"S": "x" * 60_000}, "bytes": {"B": b"\x00\xff"}}
            dynamodb.put_item(TableName=table, Item=item)  # more than one page of 1 MB
        lines = [msgspec.json.decode(line) for line in retirement.iter_items(leaver, table) if line not in before]
        assert {line["pk"]["S"] for line in lines} == wanted
        assert lines[0]["bytes"] == {"B": "AP8="}
        for pk in wanted:
            dynamodb.delete_item(TableName=table, Key={"pk": {"S": pk}})

    def test_a_backup_is_made_once_or_the_engine_has_none(self, retirement: LocalRetirement, leaver: Tenant) -> None:
        made = {retirement.back_up(leaver, leaver.resources.tables.ledger, name="final") for _ in range(2)}
        assert len(made) == 1

    def test_a_key_is_scheduled_for_deletion_once(self, retirement: LocalRetirement, leaver: Tenant) -> None:
        first = retirement.destroy_key(leaver)
        assert first.key_arn == leaver.resources.key_arn
        assert retirement.destroy_key(leaver) == first
        kms: Any = retirement._client_for(leaver, "kms")
        with pytest.raises(kms.exceptions.KMSInvalidStateException):
            kms.generate_data_key(KeyId=first.key_arn, KeySpec="AES_256")

    def test_secrets_are_deleted_and_no_others(
        self, engines: LocalEngines, retirement: LocalRetirement, leaver: Tenant
    ) -> None:
        place = SecretPlace(account_id=leaver.account_id, region=leaver.region, key_arn=leaver.resources.key_arn)
        for name in ("leaver/payments", "leaver/shipping", "leaver-too/payments"):
            put_secret(place, aws_url=engines.aws_endpoint_url, name=name, values={"webhook_secret": "w"})
        names = retirement.list_secrets(leaver)
        assert names == ["leaver/payments", "leaver/shipping"]
        for name in (*names, "leaver/never"):
            for _ in range(2):  # idempotent
                retirement.destroy_secret(leaver, name)
        assert retirement.list_secrets(leaver) == []
        other = msgspec.structs.replace(leaver, slug="leaver-too")
        assert retirement.list_secrets(other) == ["leaver-too/payments"]
        retirement.destroy_secret(other, "leaver-too/payments")
