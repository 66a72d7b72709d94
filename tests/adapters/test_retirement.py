"""What an offboarding sends to AWS, held by botocore's Stubber; ``tests/local`` has the same calls on the engines."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.stub import Stubber

from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.organizations.retirement import OrganizationRetirement
from resale.bootstrap import Container
from resale.domain.ids import TenantId
from resale.domain.tenants import Tenant, TenantStatus
from resale.errors import Unavailable
from resale.settings import OrganizationSettings, Settings
from tests.fixtures.tenants import resources_of

ACCOUNT = "3" * 12
ORGANIZATION = OrganizationSettings(
    management_role_arn="arn:aws:iam::111111111111:role/resale-onboarding",
    account_email="aws+{slug}@example.com",
    onboarding_unit="ou-abcd-11111111",
    tenants_unit="ou-abcd-22222222",
    closed_unit="ou-abcd-33333333",
)
SETTINGS = Settings(lookup_secret=b"l", cursor_secret=b"c", organization=ORGANIZATION)
TENANT = Tenant(
    id=TenantId("ten_" + "0" * 32),
    slug="third",
    name="Third",
    account_id=ACCOUNT,
    region="eu-west-1",
    tier="standard",
    status=TenantStatus.CLOSING,
    sandbox=False,
    currency="EUR",
    market="IE",
    locale="en-IE",
    commission_basis_points=0,
    oidc_issuer="https://issuer.example",
    oidc_audience="third-shop",
    allowed_origins=(),
    external_id="external",
    resources=resources_of("third", ACCOUNT, "eu-west-1"),
)
KEY_ARN = TENANT.resources.key_arn
DELETED_AT = datetime(2026, 12, 7, tzinfo=UTC)


class Stubbed(ManagementClients):
    """Clients of the management account and of the tenant's, each with a stub."""

    def __init__(self) -> None:
        super().__init__(SETTINGS, ORGANIZATION)
        session = botocore.session.get_session()
        self._made: dict[str, Any] = {
            name: session.create_client(
                name, region_name="eu-west-1", aws_access_key_id="AKIATEST", aws_secret_access_key="secret"
            )
            for name in ("dynamodb", "kms", "organizations", "secretsmanager")
        }
        self.stubs = {name: Stubber(client) for name, client in self._made.items()}
        for stub in self.stubs.values():
            stub.activate()

    @property
    def organizations(self) -> Any:
        return self._made["organizations"]

    def client_of(self, account_id: str, region: str, service: str) -> Any:
        assert (account_id, region) == (ACCOUNT, "eu-west-1")
        return self._made[service]


@pytest.fixture
def aws() -> Iterator[Stubbed]:
    """Every request that was expected is sent."""
    clients = Stubbed()
    yield clients
    for stub in clients.stubs.values():
        stub.assert_no_pending_responses()


@pytest.fixture
def retirement(aws: Stubbed) -> OrganizationRetirement:
    return OrganizationRetirement(aws, ORGANIZATION)


def backup(name: str) -> dict[str, Any]:
    arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/third-ledger/backup/01-{name}"
    return {"BackupArn": arn, "BackupName": name, "BackupStatus": "CREATING", "BackupType": "USER"}


class TestBackUp:
    def test_one_of_the_name_is_made_once(self, aws: Stubbed, retirement: OrganizationRetirement) -> None:
        stub, made = aws.stubs["dynamodb"], backup("final")
        stub.add_response("list_backups", {"BackupSummaries": [backup("daily")]}, {"TableName": "third-ledger"})
        created = {**made, "BackupCreationDateTime": DELETED_AT}
        request = {"TableName": "third-ledger", "BackupName": "final"}
        stub.add_response("create_backup", {"BackupDetails": created}, request)
        summaries = {"BackupSummaries": [backup("daily"), made]}
        stub.add_response("list_backups", summaries, {"TableName": "third-ledger"})
        for _ in range(2):
            assert retirement.back_up(TENANT, "third-ledger", name="final") == made["BackupArn"]

    def test_an_engine_that_knows_no_backups(self, aws: Stubbed, retirement: OrganizationRetirement) -> None:
        aws.stubs["dynamodb"].add_client_error("list_backups", "UnknownOperationException")
        assert retirement.back_up(TENANT, "third-ledger", name="final") is None

    def test_a_refusal_is_no_absence(self, aws: Stubbed, retirement: OrganizationRetirement) -> None:
        aws.stubs["dynamodb"].add_client_error("list_backups", "AccessDeniedException")
        with pytest.raises(Unavailable, match="AccessDenied"):
            retirement.back_up(TENANT, "third-ledger", name="final")


class TestDestroyKey:
    def test_it_is_scheduled_after_the_shortest_delay(self, aws: Stubbed, retirement: OrganizationRetirement) -> None:
        stub = aws.stubs["kms"]
        stub.add_response("describe_key", {"KeyMetadata": {"KeyId": "1", "KeyState": "Enabled"}}, {"KeyId": KEY_ARN})
        request = {"KeyId": KEY_ARN, "PendingWindowInDays": 7}
        stub.add_response("schedule_key_deletion", {"KeyId": KEY_ARN, "DeletionDate": DELETED_AT}, request)
        pending = {"KeyId": "1", "KeyState": "PendingDeletion", "DeletionDate": DELETED_AT}
        stub.add_response("describe_key", {"KeyMetadata": pending}, {"KeyId": KEY_ARN})
        for _ in range(2):
            assert retirement.destroy_key(TENANT).deleted_at == "2026-12-07T00:00:00+00:00"


class TestSecrets:
    def test_those_of_the_slug_alone(self, aws: Stubbed, retirement: OrganizationRetirement) -> None:
        stub = aws.stubs["secretsmanager"]
        found = {"SecretList": [{"Name": "third/payments"}, {"Name": "Third/else"}]}
        stub.add_response("list_secrets", found, {"Filters": [{"Key": "name", "Values": ["third/"]}]})
        assert retirement.list_secrets(TENANT) == ["third/payments"]
        stub.add_response("delete_secret", {}, {"SecretId": "third/payments", "ForceDeleteWithoutRecovery": True})
        stub.add_client_error("delete_secret", "ResourceNotFoundException")
        for _ in range(2):
            retirement.destroy_secret(TENANT, "third/payments")


class TestRetire:
    def test_the_account_is_moved(self, aws: Stubbed, retirement: OrganizationRetirement) -> None:
        stub = aws.stubs["organizations"]
        parent = {"Parents": [{"Id": "ou-abcd-22222222", "Type": "ORGANIZATIONAL_UNIT"}]}
        stub.add_response("list_parents", parent, {"ChildId": ACCOUNT})
        moved = {
            "AccountId": ACCOUNT,
            "SourceParentId": "ou-abcd-22222222",
            "DestinationParentId": "ou-abcd-33333333",
        }
        stub.add_response("move_account", {}, moved)
        retirement.retire(TENANT)

    def test_nothing_is_offboarded_without_a_unit_for_it(self) -> None:
        organization = msgspec.structs.replace(ORGANIZATION, closed_unit=None)
        container = Container(msgspec.structs.replace(SETTINGS, organization=organization))
        with pytest.raises(Unavailable, match="closed_unit"):
            container.offboarding_providers()
        container.close()
