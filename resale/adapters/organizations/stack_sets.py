"""Stacks of tenants as instances of two stack sets: data.yaml, and access.yaml with the key of the first.

Service-managed, with automatic deployment off: an account that enters the unit would get the template's defaults, and
every tenant needs its own external id. An account is named together with its unit (INTERSECTION), so that no other one
of the unit is a target.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.stack_outputs import read_resources
from resale.application.ports import Broken, Pending, StackRequest
from resale.domain.tenant_upgrades import TEMPLATE_VERSION, TemplateNotAvailable
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
        self._started: dict[tuple[str, str], str] = {}  # stack set and account → operation of this process

    def release_template(self) -> str:
        """Return the version of the templates; the pipeline uploads them to the stack sets."""
        return str(TEMPLATE_VERSION)

    def applied_template(self, stack: StackRequest) -> str:
        """Return the version in the outputs of the tenant's stack."""
        return self._outputs(self._data, stack).get("TemplateVersion", "")

    def find(self, stack: StackRequest) -> str | Pending | Broken | None:
        """Return the operations that made both instances current; None: ``apply`` has something to start."""
        self._require_release(stack)
        operations = []
        for stack_set in (self._data, self._access):
            instance = self._find_instance(stack_set, stack)
            if instance is None:
                return None
            if instance.detail in _WORKING:
                return Pending(f"{stack_set} is {instance.detail.lower()}")
            if instance.detail in _FAILED and self._is_newer_started(stack_set, stack, instance):
                return Pending(f"{stack_set} begins")  # what is shown is the failure of before
            if instance.detail in _FAILED:
                return Broken(f"{stack_set} is {instance.detail.lower()}: {instance.reason or 'no reason was given'}.")
            if not instance.has(self._parameters(stack_set, stack)):
                return None
            operations.append(instance.operation_id)
        return "/".join(operations)

    def apply(self, stack: StackRequest) -> None:
        """Start to create or update the first instance that is not current."""
        self._require_release(stack)
        for stack_set in (self._data, self._access):
            parameters = self._parameters(stack_set, stack)
            instance = self._find_instance(stack_set, stack)
            if instance is None or instance.detail in _FAILED or not instance.has(parameters):
                self._start(stack_set, stack, parameters, instance)
                return

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

    def _require_release(self, stack: StackRequest) -> None:
        """Require this release's template: a stack set has one, so no instance can be moved to a former one."""
        if stack.template not in {"", self.release_template()}:
            raise TemplateNotAvailable(
                f"A stack set has one template, so {stack.slug} cannot stay at the template {stack.template}. Upload "
                "the former template to the stack sets."
            )

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
