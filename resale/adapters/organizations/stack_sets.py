"""Stacks of tenants as instances of two stack sets: data.yaml, and access.yaml with the key of the first.

Service-managed, with automatic deployment off: an account that enters the unit would get the template's defaults, and
every tenant needs its own external id. An account is named together with its unit (INTERSECTION), so that no other one
of the unit is a target. One account goes back to a former template beside its stack sets (``former_stacks``).
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.organizations.former_stacks import FormerStack, FormerStacks
from resale.adapters.stack_outputs import read_resources
from resale.application.ports import Broken, Pending, StackRequest
from resale.domain.tenant_onboarding import StackFailed
from resale.domain.tenant_upgrades import TEMPLATE_VERSION
from resale.domain.tenants import Resources
from resale.settings import OrganizationSettings

#: Names of operations are UUIDs of version 5 in this namespace: the same request is one operation.
_NAMESPACE: Final = uuid.UUID("5f0a4f0e-1f5d-4c1e-9a53-4a3f0c7d9b60")
_SERVICE: Final = "CloudFormation"
_MASKED: Final = "****"  # what CloudFormation shows of a NoEcho parameter
_WORKING: Final = frozenset({"PENDING", "RUNNING"})
_FAILED: Final = frozenset({"FAILED", "CANCELLED", "INOPERABLE", "SKIPPED_SUSPENDED_ACCOUNT"})
#: The operation runs already, or another one of the stack set does: the next probe shows which.
_UNDER_WAY: Final = frozenset({"OperationIdAlreadyExistsException", "OperationInProgressException"})
_NOT_FOUND: Final = "StackInstanceNotFoundException"


class _Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A stack instance as ``DescribeStackInstance`` shows it."""

    state: str
    detail: str
    reason: str
    overrides: Mapping[str, str]
    stack_id: str
    operation_id: str

    def has(self, wanted: Mapping[str, str]) -> bool:
        """Return whether it is current with these parameters; those that are masked cannot be compared."""
        same = all(self.overrides.get(name) in {value, _MASKED} for name, value in wanted.items())
        return self.state == "CURRENT" and same


class StackSetStacks:
    """Implements ``resale.application.ports.StackProvider``."""

    def __init__(self, clients: ManagementClients, organization: OrganizationSettings) -> None:
        self._clients = clients
        self._data = organization.data_stack_set
        self._access = organization.access_stack_set
        self._former = FormerStacks(clients, bucket=organization.template_bucket)
        self._started: dict[tuple[str, str], str] = {}  # stack set and account → operation of this process
        self._renewed: set[tuple[str, str]] = set()  # stack sets and accounts that this process brings back

    def release_template(self) -> str:
        """Return the version of the templates; the pipeline uploads them to the stack sets."""
        return str(TEMPLATE_VERSION)

    def applied_template(self, stack: StackRequest) -> str:
        """Return the version in the outputs of the tenant's stack."""
        return self._outputs(self._data, stack).get("TemplateVersion", "")

    def find(self, stack: StackRequest) -> str | Pending | Broken | None:
        """Return the operations that made both instances current; None: ``apply`` has something to start."""
        if self._is_former(stack):
            return self._find_former(stack)
        operations = []
        for stack_set in (self._data, self._access):
            found = self._find_operation(stack_set, stack)
            if not isinstance(found, str):
                return found
            operations.append(found)
        if not self._has_release(stack):
            return self._find_renewal(stack)
        self._forget_renewal(stack)
        return "/".join(operations)

    def _find_operation(self, stack_set: str, stack: StackRequest) -> str | Pending | Broken | None:
        """Return the operation that made an instance current; None: it is not."""
        instance = self._find_instance(stack_set, stack)
        if instance is None:
            return None
        if instance.detail in _WORKING:
            return Pending(f"{stack_set} is {instance.detail.lower()}")
        if instance.detail in _FAILED and self._is_newer_started(stack_set, stack, instance):
            return Pending(f"{stack_set} begins")  # what is shown is the failure of before
        if instance.detail in _FAILED:
            return Broken(f"{stack_set} is {instance.detail.lower()}: {instance.reason or 'no reason was given'}.")
        return instance.operation_id if instance.has(self._parameters(stack_set, stack)) else None

    def apply(self, stack: StackRequest) -> None:
        """Start to create or update the first instance that is not current."""
        if self._is_former(stack):
            self._apply_former(stack)
            return
        for stack_set in (self._data, self._access):
            parameters = self._parameters(stack_set, stack)
            instance = self._find_instance(stack_set, stack)
            if instance is None or instance.detail in _FAILED or not instance.has(parameters):
                self._start(stack_set, stack, parameters, instance)
                return
        self._renew(stack)

    def read_outputs(self, stack: StackRequest) -> Resources:
        """Read the outputs of both stacks in the tenant's account."""
        return read_resources({**self._outputs(self._data, stack), **self._outputs(self._access, stack)})

    def _parameters(self, stack_set: str, stack: StackRequest) -> Mapping[str, str]:
        """Return what differs between tenants; all else are parameters of the stack set."""
        if stack_set == self._access:
            key_arn = self._outputs(self._data, stack)["KeyArn"]
            return {"TenantSlug": stack.slug, "ExternalId": stack.external_id, "KeyArn": key_arn}
        return {
            "TenantSlug": stack.slug,
            "AllowedOrigins": ",".join(stack.allowed_origins),
            "Sandbox": "true" if stack.sandbox else "false",
        }

    def _start(
        self, stack_set: str, stack: StackRequest, parameters: Mapping[str, str], instance: _Instance | None
    ) -> None:
        cloudformation = self._clients.cloudformation
        is_new = instance is None
        send = cloudformation.create_stack_instances if is_new else cloudformation.update_stack_instances
        operation_id = _operation_id(stack_set, stack, parameters, instance)
        with unavailable_on_fault(_SERVICE):
            try:
                send(
                    StackSetName=stack_set,
                    DeploymentTargets={
                        "Accounts": [stack.account_id],
                        "OrganizationalUnitIds": [self._parent_of(stack.account_id)],
                        "AccountFilterType": "INTERSECTION",
                    },
                    Regions=[stack.region],
                    ParameterOverrides=[
                        {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(parameters.items())
                    ],
                    OperationPreferences={"FailureToleranceCount": 0, "MaxConcurrentCount": 1},
                    OperationId=operation_id,
                    CallAs="SELF",
                )
            except ClientError as error:
                if code_of(error) not in _UNDER_WAY:
                    raise
            else:
                self._started[stack_set, stack.account_id] = operation_id

    def _is_newer_started(self, stack_set: str, stack: StackRequest, instance: _Instance) -> bool:
        return self._started.get((stack_set, stack.account_id), instance.operation_id) != instance.operation_id

    def _is_former(self, stack: StackRequest) -> bool:
        return stack.template not in {"", self.release_template()}

    def _find_former(self, stack: StackRequest) -> str | Pending | Broken | None:
        changed = []
        for former in self._iter_former(stack):
            found = self._former.find(former)
            if not isinstance(found, str):
                return found
            changed.append(found)
        return "/".join((stack.template, *changed))

    def _apply_former(self, stack: StackRequest) -> None:
        for former in self._iter_former(stack):
            found = self._former.find(former)
            if found is None:
                self._former.apply(former)
            if not isinstance(found, str):
                return

    def _iter_former(self, stack: StackRequest) -> Iterator[FormerStack]:
        """Iterate over both stacks with their former templates; the second has an output of the first as parameter."""
        for stack_set, name in ((self._data, "data"), (self._access, "access")):
            body = self._former.read_template(stack.template, name)
            instance = self._find_instance(stack_set, stack)
            if instance is None:
                raise StackFailed(f"{stack.slug} has no stack of {stack_set}, so it cannot go back to a template.")
            yield FormerStack(
                account_id=stack.account_id,
                region=stack.region,
                stack_id=instance.stack_id,
                body=body,
                parameters=self._parameters(stack_set, stack),
            )

    def _has_release(self, stack: StackRequest) -> bool:
        """Return whether the stacks are of no older template: a stack set does not know of one that went back."""
        version = self._outputs(self._data, stack).get("TemplateVersion", self.release_template())
        return int(version) >= TEMPLATE_VERSION  # a newer one is refused when its outputs are read

    def _find_renewal(self, stack: StackRequest) -> Broken | None:
        """Return None while an account that went back has to be renewed; it stays old if its stack sets are."""
        if (self._data, stack.account_id) not in self._renewed:
            return None
        self._forget_renewal(stack)
        return Broken(
            f"{self._data} has another template than version {self.release_template()}. Upload this release's template."
        )

    def _forget_renewal(self, stack: StackRequest) -> None:
        self._renewed -= {(stack_set, stack.account_id) for stack_set in (self._data, self._access)}

    def _renew(self, stack: StackRequest) -> None:
        """Bring an account that went back to the templates of the stack sets; last the data, which has the version."""
        for stack_set in (self._access, self._data):
            if (stack_set, stack.account_id) not in self._renewed:
                instance = self._find_instance(stack_set, stack)
                self._start(stack_set, stack, self._parameters(stack_set, stack), instance)
                self._renewed.add((stack_set, stack.account_id))
                return

    def _find_instance(self, stack_set: str, stack: StackRequest) -> _Instance | None:
        with unavailable_on_fault(_SERVICE):
            try:
                described = self._clients.cloudformation.describe_stack_instance(
                    StackSetName=stack_set,
                    StackInstanceAccount=stack.account_id,
                    StackInstanceRegion=stack.region,
                    CallAs="SELF",
                )["StackInstance"]
            except ClientError as error:
                if code_of(error) == _NOT_FOUND:
                    return None
                raise
        return _read_instance(described)

    def _outputs(self, stack_set: str, stack: StackRequest) -> Mapping[str, str]:
        instance = self._find_instance(stack_set, stack)
        stack_id = "" if instance is None else instance.stack_id
        client = self._clients.stacks_of(stack.account_id, stack.region)
        with unavailable_on_fault(_SERVICE):
            (described,) = client.describe_stacks(StackName=stack_id)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}

    def _parent_of(self, account_id: str) -> str:
        return str(self._clients.organizations.list_parents(ChildId=account_id)["Parents"][0]["Id"])


def _read_instance(described: Any) -> _Instance:
    return _Instance(
        state=described["Status"],
        detail=described.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        reason=described.get("StatusReason", ""),
        overrides={one["ParameterKey"]: one["ParameterValue"] for one in described.get("ParameterOverrides", ())},
        stack_id=described.get("StackId", ""),
        operation_id=described.get("LastOperationId", ""),
    )


def _operation_id(
    stack_set: str, stack: StackRequest, parameters: Mapping[str, str], instance: _Instance | None
) -> str:
    """Return the name of an operation. AWS refuses a name twice, so an operation after a failed one has another."""
    before = "" if instance is None else instance.operation_id
    parts = (stack.tenant_id, stack_set, before, msgspec.json.encode(dict(parameters), order="sorted").decode())
    return str(uuid.uuid5(_NAMESPACE, "|".join(parts)))
