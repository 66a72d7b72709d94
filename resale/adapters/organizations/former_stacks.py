"""The way back of one account: its two stacks are updated directly to a stored template, beside their stack sets.

A stack set has one template, and an update of it marks every instance as outdated. CloudFormation counts an update of
a stack of an instance as no drift (User Guide, "Performing drift detection on CloudFormation StackSets"), and the next
update of the instance brings the template of the stack set back. Nothing ran against AWS.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.adapters.organizations.clients import ManagementClients
from resale.application.ports import Broken, Pending
from resale.domain.tenant_upgrades import TemplateNotAvailable

_NAMESPACE: Final = uuid.UUID("0d3c2b2e-9d5f-4b0e-8b0a-6f6f1f0f6c11")
_MASKED: Final = "****"  # what CloudFormation shows of a NoEcho parameter
_BODY_BYTES: Final = 51_200  # of a template in a request (API Reference, UpdateStack)
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchBucket", "AccessDenied"})


class FormerStack(msgspec.Struct, frozen=True, kw_only=True):
    """A stack that is to have a stored template: where it is, the template's text, and the tenant's own parameters."""

    account_id: str
    region: str
    stack_id: str
    body: str
    parameters: Mapping[str, str]


class FormerStacks:
    """Moves single stacks to templates of before, which the pipeline stored in a bucket."""

    def __init__(self, clients: ManagementClients, *, bucket: str | None) -> None:
        """Store where templates are, as ``<version>/data.yaml`` and ``<version>/access.yaml``; None: nowhere."""
        self._clients = clients
        self._bucket = bucket
        self._started: set[str] = set()  # stacks that this process updated

    def read_template(self, template: str, name: str) -> str:
        """Return the text of a stored template.

        Raises:
            TemplateNotAvailable: It is not stored, or longer than a request can be.
            Unavailable: The bucket does not respond.
        """
        if self._bucket is None:
            raise TemplateNotAvailable(
                f"The template {template} is stored nowhere: RESALE_ORGANIZATION names no template_bucket."
            )
        key = f"{template}/{name}.yaml"
        with unavailable_on_fault("S3"):
            try:
                body: bytes = self._clients.s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if code_of(error) not in _MISSING:
                    raise
                raise TemplateNotAvailable(f"The template {key} is not stored in {self._bucket}.") from error
        if len(body) > _BODY_BYTES:
            raise TemplateNotAvailable(f"The template {key} has {len(body)} bytes; {_BODY_BYTES} fit into a request.")
        return body.decode()

    def find(self, stack: FormerStack) -> str | Pending | Broken | None:
        """Return when a stack got its template; None: ``apply`` has something to do. Raises Unavailable."""
        described = self._describe(stack)
        status = str(described["StackStatus"])
        if status.endswith("_IN_PROGRESS"):
            return Pending(f"{described['StackName']} is {status.lower()}")
        if status.endswith("_FAILED"):
            return Broken(f"{described['StackName']} is {status.lower()}; CloudFormation can continue its rollback.")
        if self._is_current(stack, described):
            self._started.discard(stack.stack_id)
            return str(described.get("LastUpdatedTime", described["CreationTime"]).isoformat())
        if stack.stack_id in self._started:
            self._started.discard(stack.stack_id)
            reason = described.get("StackStatusReason", "no reason was given")
            return Broken(f"{described['StackName']} is {status.lower()}: {reason}.")
        return None

    def apply(self, stack: FormerStack) -> None:
        """Start to update a stack to its template. Raises Unavailable."""
        described, client = self._describe(stack), self._client(stack)
        with unavailable_on_fault("CloudFormation"):
            declared = client.get_template_summary(TemplateBody=stack.body)
            client.update_stack(
                StackName=stack.stack_id,
                TemplateBody=stack.body,
                Parameters=_parameters(stack, declared, described),
                Capabilities=declared.get("Capabilities", []),
                ClientRequestToken=_token(stack, described),
            )
        self._started.add(stack.stack_id)

    def _is_current(self, stack: FormerStack, described: Any) -> bool:
        shown = _values(described)
        if any(shown.get(name, value) not in {value, _MASKED} for name, value in stack.parameters.items()):
            return False
        with unavailable_on_fault("CloudFormation"):
            found = self._client(stack).get_template(StackName=stack.stack_id, TemplateStage="Original")
        return str(found["TemplateBody"]) == stack.body

    def _describe(self, stack: FormerStack) -> Any:
        with unavailable_on_fault("CloudFormation"):
            (described,) = self._client(stack).describe_stacks(StackName=stack.stack_id)["Stacks"]
        return described

    def _client(self, stack: FormerStack) -> Any:
        return self._clients.stacks_of(stack.account_id, stack.region)


def _values(described: Any) -> dict[str, str]:
    return {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", ())}


def _parameters(stack: FormerStack, declared: Any, described: Any) -> list[dict[str, Any]]:
    """Return the parameters that the template declares: the tenant's own, else what the stack has, else the default."""
    present, found = _values(described), []
    for name in sorted(one["ParameterKey"] for one in declared["Parameters"]):
        if name in stack.parameters:
            found.append({"ParameterKey": name, "ParameterValue": stack.parameters[name]})
        elif name in present:
            found.append({"ParameterKey": name, "UsePreviousValue": True})
    return found


def _token(stack: FormerStack, described: Any) -> str:
    """Return the token of an update: the same for a repeated request, another one after the stack changed."""
    changed = described.get("LastUpdatedTime", described["CreationTime"])
    return str(uuid.uuid5(_NAMESPACE, f"{stack.stack_id}|{changed.isoformat()}|{stack.body}"))
