"""Accounts of AWS Organizations. CreateAccount has no idempotency token, so every account is searched for first."""

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.adapters.organizations.clients import ManagementClients
from resale.application.ports import Broken, Pending
from resale.domain.tenant_onboarding import (
    AccountCreationFailed,
    AccountDuplicated,
    AccountQuotaReached,
    AccountUnit,
    AccountUnknown,
    TenantRequest,
)
from resale.settings import OrganizationSettings

_CLOSED: Final = frozenset({"SUSPENDED", "PENDING_CLOSURE", "CLOSED"})
_LIMIT: Final = "ACCOUNT_NUMBER_LIMIT_EXCEEDED"
_ENABLED: Final = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})
_SERVICE: Final = "AWS Organizations"
_NO_UNIT: Final = "none"  # of a unit that is not configured, in which no account is


class OrganizationAccounts:
    """Implements ``resale.application.ports.AccountProvider``."""

    def __init__(self, clients: ManagementClients, organization: OrganizationSettings) -> None:
        self._clients = clients
        self._organization = organization
        self._requests: dict[str, str] = {}  # slug → id of the request that this process sent

    def find(self, request: TenantRequest) -> str | Pending | Broken | None:
        """Find the named account, one with the slug's e-mail, or the state of the newest request to create one."""
        with unavailable_on_fault(_SERVICE):
            if request.account_id is not None:
                return self._find_named(request.account_id)
            found = [account["Id"] for account in self._accounts() if self._is_of(account, request.slug)]
            if len(found) > 1:
                raise AccountDuplicated(
                    f"The accounts {', '.join(sorted(found))} have the e-mail address of {request.slug}. Close all but "
                    "one, then resume."
                )
            return found[0] if found else self._find_request(request.slug)

    def create(self, request: TenantRequest) -> None:
        """Send the request to create the account."""
        with unavailable_on_fault(_SERVICE):
            try:
                created = self._clients.organizations.create_account(
                    Email=self._email_of(request.slug),
                    AccountName=request.slug,
                    RoleName=self._organization.account_role,
                    Tags=[{"Key": "tenant", "Value": request.slug}],
                )
            except ClientError as error:
                _raise_if_refused(error)
                raise
        self._requests[request.slug] = created["CreateAccountStatus"]["Id"]

    def is_in_unit(self, account_id: str, unit: AccountUnit) -> bool:
        """Return whether the unit is the account's parent."""
        return self._parent_of(account_id) == self._unit_id(unit)

    def move(self, account_id: str, unit: AccountUnit) -> None:
        """Move the account; where it is already, nothing is sent: AWS refuses that."""
        parent, wanted = self._parent_of(account_id), self._unit_id(unit)
        if parent != wanted:
            with unavailable_on_fault(_SERVICE):
                self._clients.organizations.move_account(
                    AccountId=account_id, SourceParentId=parent, DestinationParentId=wanted
                )

    def find_baseline(self, account_id: str, region: str) -> bool | Pending:
        """Return whether the Region is enabled; trail, Config and GuardDuty are the organisation's own."""
        with unavailable_on_fault("AWS Account Management"):
            status = self._clients.account.get_region_opt_status(AccountId=account_id, RegionName=region)
        state = status["RegionOptStatus"]
        return Pending(f"{region} is {state.lower()}") if state == "ENABLING" else state in _ENABLED

    def apply_baseline(self, account_id: str, region: str) -> None:
        """Enable the Region."""
        with unavailable_on_fault("AWS Account Management"):
            self._clients.account.enable_region(AccountId=account_id, RegionName=region)

    def _find_named(self, account_id: str) -> str:
        try:
            account = self._clients.organizations.describe_account(AccountId=account_id)["Account"]
        except ClientError as error:
            if code_of(error) != "AccountNotFoundException":
                raise
            raise AccountUnknown(
                f"The account {account_id} is not in the organisation. Invite it first, or leave it out to create one."
            ) from None
        if _state_of(account) in _CLOSED:
            raise AccountUnknown(f"The account {account_id} is closed. Name another one, or leave it out.")
        return account_id

    def _find_request(self, slug: str) -> Pending | Broken | None:
        requests = sorted(self._creations(slug), key=lambda one: one["RequestedTimestamp"])
        if not requests:
            return None
        newest = requests[-1]
        if newest["State"] == "FAILED":
            return Broken(f"AWS Organizations did not create the account: {newest.get('FailureReason', 'no reason')}.")
        return Pending("AWS Organizations creates the account")

    def _creations(self, slug: str) -> Iterator[Any]:
        """Iterate over the requests for a slug that are under way or failed; the own one alone, if there is one."""
        organizations, own = self._clients.organizations, self._requests.get(slug)
        if own is not None:
            yield organizations.describe_create_account_status(CreateAccountRequestId=own)["CreateAccountStatus"]
            return
        pages = organizations.get_paginator("list_create_account_status").paginate(States=["IN_PROGRESS", "FAILED"])
        for page in pages:
            yield from (one for one in page["CreateAccountStatuses"] if one["AccountName"] == slug)

    def _accounts(self) -> Iterator[Any]:
        for page in self._clients.organizations.get_paginator("list_accounts").paginate():
            yield from page["Accounts"]

    def _is_of(self, account: Any, slug: str) -> bool:
        is_open = _state_of(account) not in _CLOSED
        return is_open and account["Email"].casefold() == self._email_of(slug).casefold()

    def _email_of(self, slug: str) -> str:
        return self._organization.account_email.replace("{slug}", slug)

    def _parent_of(self, account_id: str) -> str:
        with unavailable_on_fault(_SERVICE):
            return str(self._clients.organizations.list_parents(ChildId=account_id)["Parents"][0]["Id"])

    def _unit_id(self, unit: AccountUnit) -> str:
        units = {
            AccountUnit.ONBOARDING: self._organization.onboarding_unit,
            AccountUnit.TENANTS: self._organization.tenants_unit,
            AccountUnit.CLOSED: self._organization.closed_unit,
        }
        return units[unit] or _NO_UNIT


def _raise_if_refused(error: ClientError) -> None:
    """Raise the outcome of a refusal to create an account; return for faults that pass."""
    if code_of(error) == "ConstraintViolationException":
        reason = str(error.response.get("Reason", "no reason"))
        if reason == _LIMIT:
            raise AccountQuotaReached from error
        raise AccountCreationFailed(f"AWS Organizations refused the account: {reason}.") from error
    if code_of(error) in {"InvalidInputException", "AccessDeniedException", "FinalizingOrganizationException"}:
        raise AccountCreationFailed(f"AWS Organizations refused the account: {code_of(error)}.") from error


def _state_of(account: Any) -> str:
    """Return the state of an account; ``Status`` is its older name (Organizations API reference, Account)."""
    return str(account.get("State") or account.get("Status", ""))
