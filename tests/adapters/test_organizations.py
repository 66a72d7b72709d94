"""Requests to AWS Organizations and StackSets, held to botocore's models by its Stubber."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from resale.adapters.organizations.accounts import OrganizationAccounts
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.organizations.providers import BrandShops
from resale.adapters.organizations.stack_sets import StackSetStacks
from resale.application.ports import Broken, Pending, StackRequest
from resale.domain.sandboxes import request_sandbox
from resale.domain.tenant_onboarding import (
    AccountCreationFailed,
    AccountDuplicated,
    AccountQuotaReached,
    AccountUnit,
    AccountUnknown,
    OnboardingInvalid,
    StackFailed,
    TenantRequest,
)
from resale.domain.tenant_upgrades import TEMPLATE_VERSION, TemplateNotAvailable, TemplateTooNew
from resale.errors import Unavailable
from resale.settings import OrganizationSettings, Settings

ACCOUNT = "123456789012"
REQUEST = TenantRequest(slug="third", name="Third", region="eu-west-2")
ORGANIZATION = OrganizationSettings(
    management_role_arn="arn:aws:iam::999999999999:role/onboarding",
    account_email="aws+{slug}@example.com",
    onboarding_unit="ou-abcd-11111111",
    tenants_unit="ou-abcd-22222222",
)
STACK = StackRequest(
    tenant_id="ten_1",
    slug="third",
    account_id=ACCOUNT,
    region="eu-west-2",
    external_id="e" * 43,
    sandbox=False,
    allowed_origins=("https://third.example",),
)
KEY_ARN = f"arn:aws:kms:eu-west-2:{ACCOUNT}:key/1"
_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Stubbed(ManagementClients):
    """Clients whose requests are checked and whose responses are given."""

    def __init__(self) -> None:
        super().__init__(Settings(lookup_secret=b"l", cursor_secret=b"c"), ORGANIZATION)
        names = ("organizations", "account", "cloudformation", "stacks", "s3")
        session = botocore.session.Session()
        self._made: dict[str, Any] = {
            name: session.create_client(
                "cloudformation" if name == "stacks" else name,
                region_name="eu-west-2",
                aws_access_key_id="AKIATEST",
                aws_secret_access_key="secret",
            )
            for name in names
        }
        self.stubs = {name: Stubber(client) for name, client in self._made.items()}
        for stub in self.stubs.values():
            stub.activate()

    @property
    def organizations(self) -> Any:
        return self._made["organizations"]

    @property
    def account(self) -> Any:
        return self._made["account"]

    @property
    def cloudformation(self) -> Any:
        return self._made["cloudformation"]

    @property
    def s3(self) -> Any:
        return self._made["s3"]

    def stacks_of(self, account_id: str, region: str) -> Any:
        assert (account_id, region) == (ACCOUNT, "eu-west-2")
        return self._made["stacks"]


class Issued(ManagementClients):
    """Clients whose credentials come from a stubbed STS that issues them for an hour; they send nothing."""

    def __init__(self) -> None:
        super().__init__(Settings(lookup_secret=b"l", cursor_secret=b"c"), ORGANIZATION, now=lambda: self.now)
        self.now = _AT
        self.issued = 0

    def _build(self, service: str, region: str, keys: dict[str, str | None]) -> Any:
        client = super()._build(service, region, {**keys, **({} if keys["aws_access_key_id"] else _PLATFORM_KEYS)})
        if service == "sts":
            self.issued += 1
            role = ORGANIZATION.management_role_arn
            credentials = {
                "AccessKeyId": f"ASIATEST{self.issued:0>8}",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": self.now + timedelta(seconds=3600),
            }
            stub = Stubber(client)
            stub.add_response(
                "assume_role", {"Credentials": credentials}, {"RoleArn": role, "RoleSessionName": "resale-onboarding"}
            )
            stub.activate()
        return client


_PLATFORM_KEYS = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret"}


class TestManagementClients:
    def test_one_is_built_once_while_its_credentials_are_good(self) -> None:
        clients = Issued()
        first = clients.organizations
        clients.now += timedelta(minutes=50)
        assert clients.organizations is first
        assert clients.issued == 1

    def test_one_is_built_again_before_its_credentials_expire(self) -> None:
        clients = Issued()
        first = clients.organizations
        clients.now += timedelta(minutes=50, seconds=1)
        second = clients.organizations
        assert second is not first
        clients.now += timedelta(minutes=50)
        assert clients.organizations is second
        assert clients.issued == 2

    def test_each_region_has_its_own(self) -> None:
        clients = Issued()
        regions = [clients._management("sts", region).meta.region_name for region in ("eu-west-2", "us-east-1")]
        assert regions == ["eu-west-2", "us-east-1"]


@pytest.fixture
def aws() -> Iterator[Stubbed]:
    """Every request that was expected is sent."""
    clients = Stubbed()
    yield clients
    for stub in clients.stubs.values():
        stub.assert_no_pending_responses()


@pytest.fixture
def accounts(aws: Stubbed) -> OrganizationAccounts:
    return OrganizationAccounts(aws, ORGANIZATION)


@pytest.fixture
def stacks(aws: Stubbed) -> StackSetStacks:
    return StackSetStacks(aws, ORGANIZATION)


def account(email: str, account_id: str = ACCOUNT, state: str = "ACTIVE") -> dict[str, Any]:
    return {"Id": account_id, "Email": email, "State": state}


def listed(aws: Stubbed, *found: dict[str, Any]) -> None:
    aws.stubs["organizations"].add_response("list_accounts", {"Accounts": list(found)}, {})


def creations(aws: Stubbed, *found: dict[str, Any]) -> None:
    wanted = {"States": ["IN_PROGRESS", "FAILED"]}
    aws.stubs["organizations"].add_response(
        "list_create_account_status", {"CreateAccountStatuses": list(found)}, wanted
    )


def creation(state: str, *, slug: str = "third", minute: int = 0, reason: str | None = None) -> dict[str, Any]:
    failure = {} if reason is None else {"FailureReason": reason}
    at = _AT.replace(minute=minute)
    return {"Id": f"car-{minute:0>32}", "AccountName": slug, "State": state, "RequestedTimestamp": at, **failure}


class TestFindAccount:
    def test_by_the_email_of_its_slug_in_any_case(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        listed(aws, account("other@example.com", "1" * 12), account("AWS+third@example.com"))
        assert accounts.find(REQUEST) == ACCOUNT

    def test_not_one_that_is_closed(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        listed(aws, account("aws+third@example.com", state="CLOSED"))
        creations(aws)
        assert accounts.find(REQUEST) is None

    def test_two_are_named(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        listed(aws, account("aws+third@example.com"), account("aws+third@example.com", "1" * 12))
        with pytest.raises(AccountDuplicated, match=f"{'1' * 12}, {ACCOUNT} .*Close all but one"):
            accounts.find(REQUEST)

    def test_one_that_another_process_asked_for(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        listed(aws)
        creations(aws, creation("IN_PROGRESS"), creation("FAILED", slug="other", minute=1))
        assert isinstance(accounts.find(REQUEST), Pending)

    def test_the_newest_request_counts(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        listed(aws)
        creations(aws, creation("FAILED", minute=2, reason="EMAIL_ALREADY_EXISTS"), creation("IN_PROGRESS", minute=1))
        found = accounts.find(REQUEST)
        assert isinstance(found, Broken)
        assert "EMAIL_ALREADY_EXISTS" in found.reason

    def test_the_named_one(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        named = TenantRequest(slug="third", name="Third", region="eu-west-2", account_id=ACCOUNT)
        organizations = aws.stubs["organizations"]
        organizations.add_response("describe_account", {"Account": account("any@example.com")}, {"AccountId": ACCOUNT})
        assert accounts.find(named) == ACCOUNT
        organizations.add_client_error("describe_account", "AccountNotFoundException")
        with pytest.raises(AccountUnknown, match="not in the organisation"):
            accounts.find(named)
        closed = {"Account": account("any@example.com", state="PENDING_CLOSURE")}
        organizations.add_response("describe_account", closed, {"AccountId": ACCOUNT})
        with pytest.raises(AccountUnknown, match="closed"):
            accounts.find(named)

    def test_throttling_is_no_answer(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        aws.stubs["organizations"].add_client_error("list_accounts", "TooManyRequestsException")
        with pytest.raises(Unavailable):
            accounts.find(REQUEST)


class TestCreateAccount:
    def test_is_tagged_and_watched_by_its_request(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        organizations = aws.stubs["organizations"]
        sent = {
            "Email": "aws+third@example.com",
            "AccountName": "third",
            "RoleName": "OrganizationAccountAccessRole",
            "Tags": [{"Key": "tenant", "Value": "third"}],
        }
        organizations.add_response("create_account", {"CreateAccountStatus": creation("IN_PROGRESS")}, sent)
        accounts.create(REQUEST)
        for state in ("IN_PROGRESS", "FAILED"):
            listed(aws)
            status = {
                "CreateAccountStatus": creation(state, reason=None if state == "IN_PROGRESS" else "INVALID_EMAIL")
            }
            own = {"CreateAccountRequestId": creation("")["Id"]}
            organizations.add_response("describe_create_account_status", status, own)
        assert isinstance(accounts.find(REQUEST), Pending)
        assert isinstance(accounts.find(REQUEST), Broken)

    @pytest.mark.parametrize(
        ("code", "reason", "error"),
        [
            ("ConstraintViolationException", "ACCOUNT_NUMBER_LIMIT_EXCEEDED", AccountQuotaReached),
            ("ConstraintViolationException", "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", AccountCreationFailed),
            ("InvalidInputException", "INVALID_PATTERN", AccountCreationFailed),
            ("TooManyRequestsException", "", Unavailable),
        ],
    )
    def test_a_refusal_has_its_reason(
        self, aws: Stubbed, accounts: OrganizationAccounts, code: str, reason: str, error: type[Exception]
    ) -> None:
        aws.stubs["organizations"].add_client_error(
            "create_account", code, modeled_fields={"Reason": reason} if reason else None
        )
        with pytest.raises(error) as refusal:
            accounts.create(REQUEST)
        assert type(refusal.value) is error


class TestUnits:
    def test_an_account_is_moved_once(self, aws: Stubbed, accounts: OrganizationAccounts) -> None:
        organizations = aws.stubs["organizations"]
        parents = [{"Id": "r-abcd", "Type": "ROOT"}], [{"Id": "ou-abcd-22222222", "Type": "ORGANIZATIONAL_UNIT"}]
        organizations.add_response("list_parents", {"Parents": parents[0]}, {"ChildId": ACCOUNT})
        moved = {
            "AccountId": ACCOUNT,
            "SourceParentId": "r-abcd",
            "DestinationParentId": "ou-abcd-22222222",
        }
        organizations.add_response("move_account", {}, moved)
        for _ in range(2):
            organizations.add_response("list_parents", {"Parents": parents[1]}, {"ChildId": ACCOUNT})
        accounts.move(ACCOUNT, AccountUnit.TENANTS)
        accounts.move(ACCOUNT, AccountUnit.TENANTS)
        assert accounts.is_in_unit(ACCOUNT, AccountUnit.TENANTS)

    @pytest.mark.parametrize(
        ("status", "found"), [("ENABLED", True), ("ENABLED_BY_DEFAULT", True), ("DISABLED", False), ("ENABLING", None)]
    )
    def test_a_region_is_enabled_in_the_account(
        self,
        aws: Stubbed,
        accounts: OrganizationAccounts,
        status: str,
        found: bool | None,  # noqa: FBT001 - a parameter
    ) -> None:
        place = {"AccountId": ACCOUNT, "RegionName": "eu-west-2"}
        response = {"RegionName": "eu-west-2", "RegionOptStatus": status}
        aws.stubs["account"].add_response("get_region_opt_status", response, place)
        seen = accounts.find_baseline(ACCOUNT, "eu-west-2")
        assert isinstance(seen, Pending) if found is None else seen is found
        aws.stubs["account"].add_response("enable_region", {}, place)
        accounts.apply_baseline(ACCOUNT, "eu-west-2")


DATA = {"TenantSlug": "third", "AllowedOrigins": "https://third.example", "Sandbox": "false"}
ACCESS = {"TenantSlug": "third", "ExternalId": "****", "KeyArn": KEY_ARN}


def instance(  # noqa: PLR0913 - the fields that matter
    aws: Stubbed,
    stack_set: str,
    overrides: dict[str, str] | None = None,
    *,
    state: str = "CURRENT",
    detail: str = "SUCCEEDED",
    operation: str = "operation-1",
    reason: str = "",
) -> None:
    """Expect a look at an instance; ``overrides`` None: there is none."""
    wanted = {
        "StackSetName": stack_set,
        "StackInstanceAccount": ACCOUNT,
        "StackInstanceRegion": "eu-west-2",
        "CallAs": "SELF",
    }
    stub = aws.stubs["cloudformation"]
    if overrides is None:
        stub.add_client_error("describe_stack_instance", "StackInstanceNotFoundException", expected_params=wanted)
        return
    shown = {
        "Status": state,
        "StackInstanceStatus": {"DetailedStatus": detail},
        "StatusReason": reason,
        "StackId": f"arn:aws:cloudformation:eu-west-2:{ACCOUNT}:stack/{stack_set}/1",
        "ParameterOverrides": [{"ParameterKey": key, "ParameterValue": value} for key, value in overrides.items()],
        "LastOperationId": operation,
    }
    stub.add_response("describe_stack_instance", {"StackInstance": shown}, wanted)


def outputs(aws: Stubbed, stack_set: str, **values: str) -> None:
    """Expect a look at an instance, then at its stack in the tenant's account."""
    instance(aws, stack_set, {})
    described(aws, stack_set, Outputs=[{"OutputKey": key, "OutputValue": value} for key, value in values.items()])


def described(aws: Stubbed, stack_set: str, *, status: str = "CREATE_COMPLETE", **fields: Any) -> None:
    """Expect a look at a stack in the tenant's account."""
    shown = {"StackName": stack_set, "CreationTime": _AT, "StackStatus": status, **fields}
    name = f"arn:aws:cloudformation:eu-west-2:{ACCOUNT}:stack/{stack_set}/1"
    aws.stubs["stacks"].add_response("describe_stacks", {"Stacks": [shown]}, {"StackName": name})


def parent(aws: Stubbed) -> None:
    found = {"Parents": [{"Id": "ou-abcd-11111111", "Type": "ORGANIZATIONAL_UNIT"}]}
    aws.stubs["organizations"].add_response("list_parents", found, {"ChildId": ACCOUNT})


def started(aws: Stubbed, call: str, stack_set: str, overrides: dict[str, str]) -> dict[str, Any]:
    """Expect an operation on this account alone; return what it is called with."""
    sent = {
        "StackSetName": stack_set,
        "DeploymentTargets": {
            "Accounts": [ACCOUNT],
            "OrganizationalUnitIds": ["ou-abcd-11111111"],
            "AccountFilterType": "INTERSECTION",
        },
        "Regions": ["eu-west-2"],
        "ParameterOverrides": [
            {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(overrides.items())
        ],
        "OperationPreferences": {"FailureToleranceCount": 0, "MaxConcurrentCount": 1},
        "OperationId": AnyText(),
        "CallAs": "SELF",
    }
    parent(aws)
    aws.stubs["cloudformation"].add_response(call, {"OperationId": "operation-2"}, sent)
    return sent


class AnyText:
    """Equals any text, and remembers those it was compared with."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __eq__(self, other: object) -> bool:
        self.seen.append(str(other))
        return isinstance(other, str)

    def __hash__(self) -> int:
        return 0


class TestStacks:
    def test_current_ones_have_the_version_of_their_operations(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        instance(aws, "resale-tenant-data", DATA, operation="a")
        instance(aws, "resale-tenant-access", ACCESS, operation="b")
        outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
        outputs(aws, "resale-tenant-data", TemplateVersion=str(TEMPLATE_VERSION))
        assert stacks.find(STACK) == "a/b"

    def test_a_new_account_gets_the_data_stack_first(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        instance(aws, "resale-tenant-data", None)
        assert stacks.find(STACK) is None
        instance(aws, "resale-tenant-data", None)
        started(aws, "create_stack_instances", "resale-tenant-data", DATA)
        stacks.apply(STACK)

    def test_then_the_access_stack_with_its_key(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        instance(aws, "resale-tenant-data", DATA)
        outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
        instance(aws, "resale-tenant-access", None)
        started(aws, "create_stack_instances", "resale-tenant-access", {**ACCESS, "ExternalId": STACK.external_id})
        stacks.apply(STACK)

    def test_other_parameters_are_an_update(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        instance(aws, "resale-tenant-data", {**DATA, "AllowedOrigins": "https://old.example"})
        assert stacks.find(STACK) is None
        instance(aws, "resale-tenant-data", {**DATA, "AllowedOrigins": "https://old.example"})
        started(aws, "update_stack_instances", "resale-tenant-data", DATA)
        stacks.apply(STACK)

    def test_an_older_template_is_an_update(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        instance(aws, "resale-tenant-data", DATA, state="OUTDATED")
        assert stacks.find(STACK) is None

    @pytest.mark.parametrize("detail", ["PENDING", "RUNNING"])
    def test_an_operation_under_way_is_awaited(self, aws: Stubbed, stacks: StackSetStacks, detail: str) -> None:
        instance(aws, "resale-tenant-data", DATA, state="OUTDATED", detail=detail)
        assert isinstance(stacks.find(STACK), Pending)

    def test_a_rollback_has_cloudformations_reason(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        why = "ResourceLogicalId:MediaBucket, ... already exists"
        instance(aws, "resale-tenant-data", DATA, state="OUTDATED", detail="FAILED", reason=why)
        found = stacks.find(STACK)
        assert isinstance(found, Broken)
        assert why in found.reason

    def test_a_second_attempt_is_another_operation_and_hides_the_first(
        self, aws: Stubbed, stacks: StackSetStacks
    ) -> None:
        names = []
        for operation in (None, "operation-1"):
            overrides = None if operation is None else DATA
            instance(aws, "resale-tenant-data", overrides, state="OUTDATED", detail="FAILED", operation=operation or "")
            call = "create_stack_instances" if operation is None else "update_stack_instances"
            sent = started(aws, call, "resale-tenant-data", DATA)
            stacks.apply(STACK)
            names.append(sent["OperationId"].seen[-1])
        assert names[0] != names[1]
        instance(aws, "resale-tenant-data", DATA, state="OUTDATED", detail="FAILED")  # the failure of before
        assert isinstance(stacks.find(STACK), Pending)
        instance(aws, "resale-tenant-data", DATA, state="OUTDATED", detail="FAILED", operation=names[1])
        assert isinstance(stacks.find(STACK), Broken)

    def test_the_same_request_is_one_operation(self, aws: Stubbed) -> None:
        names = []
        for _ in range(2):  # two processes
            instance(aws, "resale-tenant-data", None)
            sent = started(aws, "create_stack_instances", "resale-tenant-data", DATA)
            StackSetStacks(aws, ORGANIZATION).apply(STACK)
            names.append(sent["OperationId"].seen[-1])
        assert names[0] == names[1]

    @pytest.mark.parametrize("code", ["OperationIdAlreadyExistsException", "OperationInProgressException"])
    def test_an_operation_that_runs_already_is_joined(self, aws: Stubbed, stacks: StackSetStacks, code: str) -> None:
        instance(aws, "resale-tenant-data", None)
        parent(aws)
        aws.stubs["cloudformation"].add_client_error("create_stack_instances", code)
        stacks.apply(STACK)

    def test_a_stack_set_that_is_missing_is_said(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        aws.stubs["cloudformation"].add_client_error("describe_stack_instance", "StackSetNotFoundException")
        with pytest.raises(Unavailable, match="StackSetNotFoundException"):
            stacks.find(STACK)

    def test_outputs_of_another_release_are_refused(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
        outputs(aws, "resale-tenant-access", AccessRoleArn="arn:aws:iam::1:role/x")
        with pytest.raises(StackFailed, match="no output 'ListingsTable'"):
            stacks.read_outputs(STACK)

    def test_a_template_that_is_newer_than_the_release_is_refused(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        outputs(aws, "resale-tenant-data", TemplateVersion=str(TEMPLATE_VERSION + 1))
        outputs(aws, "resale-tenant-access", AccessRoleArn="arn:aws:iam::1:role/x")
        with pytest.raises(TemplateTooNew, match=f"version {TEMPLATE_VERSION + 1}"):
            stacks.read_outputs(STACK)

    def test_the_template_of_a_tenant_is_in_its_outputs(self, aws: Stubbed, stacks: StackSetStacks) -> None:
        outputs(aws, "resale-tenant-data", TemplateVersion="1")
        assert stacks.applied_template(STACK) == "1"

    def test_without_a_bucket_no_account_goes_back(self, stacks: StackSetStacks) -> None:
        for call in (stacks.find, stacks.apply):
            with pytest.raises(TemplateNotAvailable, match="template_bucket"):
                call(FORMER)


FORMER = msgspec.structs.replace(STACK, template="0")
BODIES = {"data": "Parameters: {} # data of version 0", "access": "Parameters: {} # access of version 0"}
PRESENT = [{"ParameterKey": name, "ParameterValue": value} for name, value in {**DATA, "IndexShards": "8"}.items()]
ARN = f"arn:aws:cloudformation:eu-west-2:{ACCOUNT}:stack"


@pytest.fixture
def stored(aws: Stubbed) -> StackSetStacks:
    return StackSetStacks(aws, msgspec.structs.replace(ORGANIZATION, template_bucket="templates"))


def kept(aws: Stubbed, name: str, body: bytes | None = None) -> None:
    """Expect a look at a stored template, then at its stack's instance."""
    found = BODIES[name].encode() if body is None else body
    wanted = {"Bucket": "templates", "Key": f"0/{name}.yaml"}
    aws.stubs["s3"].add_response("get_object", {"Body": StreamingBody(BytesIO(found), len(found))}, wanted)
    if body is None:
        instance(aws, f"resale-tenant-{name}", {})


def looked_at(aws: Stubbed, name: str, body: str, **fields: Any) -> None:
    """Expect a look at a stack, and at the template that it has."""
    described(aws, f"resale-tenant-{name}", **fields)
    wanted = {"StackName": f"{ARN}/resale-tenant-{name}/1", "TemplateStage": "Original"}
    aws.stubs["stacks"].add_response("get_template", {"TemplateBody": body}, wanted)


class TestFormerTemplates:
    def test_the_data_stack_goes_back_first_with_its_parameters(self, aws: Stubbed, stored: StackSetStacks) -> None:
        kept(aws, "data")
        looked_at(aws, "data", "of now", Parameters=PRESENT)
        assert stored.find(FORMER) is None
        kept(aws, "data")
        looked_at(aws, "data", "of now", Parameters=PRESENT)
        described(aws, "resale-tenant-data", Parameters=PRESENT)
        names = ("TenantSlug", "AllowedOrigins", "Sandbox", "IndexShards", "WithDefault")
        summary = {
            "Parameters": [{"ParameterKey": name} for name in names],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        stub, body = aws.stubs["stacks"], BODIES["data"]
        stub.add_response("get_template_summary", summary, {"TemplateBody": body})
        sent = {
            "StackName": f"{ARN}/resale-tenant-data/1",
            "TemplateBody": body,
            "Parameters": [
                {"ParameterKey": "AllowedOrigins", "ParameterValue": "https://third.example"},
                {"ParameterKey": "IndexShards", "UsePreviousValue": True},
                {"ParameterKey": "Sandbox", "ParameterValue": "false"},
                {"ParameterKey": "TenantSlug", "ParameterValue": "third"},
            ],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "ClientRequestToken": AnyText(),
        }
        stub.add_response("update_stack", {"StackId": sent["StackName"]}, sent)
        stored.apply(FORMER)
        kept(aws, "data")
        described(aws, "resale-tenant-data", status="UPDATE_IN_PROGRESS")
        assert stored.find(FORMER) == Pending("resale-tenant-data is update_in_progress")
        kept(aws, "data")
        looked_at(aws, "data", "of now", Parameters=PRESENT, status="UPDATE_ROLLBACK_COMPLETE")
        assert isinstance(stored.find(FORMER), Broken)

    def test_then_the_access_stack_whose_external_id_is_masked(self, aws: Stubbed, stored: StackSetStacks) -> None:
        for body, found in (("of now", None), (BODIES["access"], f"0/{_AT.isoformat()}/{_AT.isoformat()}")):
            kept(aws, "data")
            looked_at(aws, "data", BODIES["data"], Parameters=PRESENT)
            kept(aws, "access")
            outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
            masked = [{"ParameterKey": name, "ParameterValue": value} for name, value in ACCESS.items()]
            looked_at(aws, "access", body, Parameters=masked)
            assert stored.find(FORMER) == found

    def test_a_rollback_that_failed_needs_action(self, aws: Stubbed, stored: StackSetStacks) -> None:
        kept(aws, "data")
        described(aws, "resale-tenant-data", status="UPDATE_ROLLBACK_FAILED")
        found = stored.find(FORMER)
        assert isinstance(found, Broken)
        assert "continue its rollback" in found.reason

    @pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
    def test_one_that_is_not_stored_is_named(self, aws: Stubbed, stored: StackSetStacks, code: str) -> None:
        aws.stubs["s3"].add_client_error("get_object", code)
        with pytest.raises(TemplateNotAvailable, match=r"0/data\.yaml is not stored in templates"):
            stored.find(FORMER)

    def test_one_that_fits_into_no_request_is_refused(self, aws: Stubbed, stored: StackSetStacks) -> None:
        kept(aws, "data", b"#" * 51_201)
        with pytest.raises(TemplateNotAvailable, match="51201 bytes"):
            stored.find(FORMER)

    def test_todays_templates_fit_into_a_request(self) -> None:
        assert all(path.stat().st_size <= 51_200 for path in Path("deploy/tenant").glob("*.yaml"))

    def test_a_tenant_that_went_back_is_brought_to_the_stack_sets_templates(
        self, aws: Stubbed, stacks: StackSetStacks
    ) -> None:
        for renewed in ("access", "data"):
            went_back(aws)
            assert stacks.find(STACK) is None
            instance(aws, "resale-tenant-data", DATA)
            outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
            instance(aws, "resale-tenant-access", ACCESS)
            instance(aws, f"resale-tenant-{renewed}", DATA)
            wanted = DATA
            if renewed == "access":
                outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
                wanted = {**ACCESS, "ExternalId": STACK.external_id}
            started(aws, "update_stack_instances", f"resale-tenant-{renewed}", wanted)
            stacks.apply(STACK)
        went_back(aws)
        found = stacks.find(STACK)
        assert isinstance(found, Broken)  # the stack sets themselves have the former template
        assert "Upload this release's template" in found.reason


def went_back(aws: Stubbed) -> None:
    """Expect the looks at instances that their stack sets take for current, and at the outputs of an older template."""
    instance(aws, "resale-tenant-data", DATA)
    instance(aws, "resale-tenant-access", ACCESS)
    outputs(aws, "resale-tenant-data", KeyArn=KEY_ARN)
    outputs(aws, "resale-tenant-data", TemplateVersion=str(TEMPLATE_VERSION - 1))


class TestShops:
    @pytest.mark.parametrize(
        ("issuer", "origins", "said"), [(None, ("https://a",), "--issuer"), ("https://i", (), "--origin")]
    )
    def test_a_live_shop_names_its_issuer_and_origins(
        self, issuer: str | None, origins: tuple[str, ...], said: str
    ) -> None:
        request = TenantRequest(
            slug="third", name="Third", region="eu-west-2", oidc_issuer=issuer, allowed_origins=origins
        )
        with pytest.raises(OnboardingInvalid, match=said):
            BrandShops(ORGANIZATION).settings_of(request)

    def test_a_sandbox_is_in_test_mode_with_the_issuer_of_sandboxes(self) -> None:
        request = request_sandbox(slug="sandbox-0", region="eu-west-2")
        with pytest.raises(OnboardingInvalid, match="sandbox_issuer"):
            BrandShops(ORGANIZATION).settings_of(request)
        organization = msgspec.structs.replace(ORGANIZATION, sandbox_issuer="https://sandboxes.example")
        shop = BrandShops(organization).settings_of(request)
        assert shop.sandbox
        assert (shop.oidc_issuer, shop.oidc_audience) == ("https://sandboxes.example", "sandbox-0-shop")
