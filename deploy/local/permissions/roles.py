"""The IAM roles of the templates, their statements resolved with sample values, and who acts in them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.provisioning.intrinsics import resolve
from deploy.local.provisioning.sources import read_source

DEPLOY: Final = Path(__file__).resolve().parents[2]
#: Values of what stands in braces in a recorded use, and of the parameters that are in policies.
SAMPLES: Final[Mapping[str, str]] = {
    "account": "111111111111",
    "region": "eu-west-2",
    "tenant": "northwind",
    "id": "1",
    "external_id": "external-id-of-northwind",
    "platform_account": "000000000001",
    "organization": "o-0123456789",
}
_PLATFORM_ROLE: Final = "arn:aws:iam::000000000001:role/resale-task"
_PARAMETERS: Final[Mapping[str, str]] = {
    "AWS::AccountId": SAMPLES["account"],
    "AWS::Region": SAMPLES["region"],
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "CredentialsArn": "arn:aws:secretsmanager:eu-west-2:000000000001:secret:resale-Ab1",
    "DatabaseCredentialsArn": "arn:aws:secretsmanager:eu-west-2:000000000001:secret:rds!cluster-1",
    "ExternalId": SAMPLES["external_id"],
    "KeyArn": "arn:aws:kms:eu-west-2:111111111111:key/1",
    "OrganizationId": SAMPLES["organization"],
    "PlatformPrincipalArn": _PLATFORM_ROLE,
    "TenantSlug": SAMPLES["tenant"],
}
#: Condition keys that AWS fills in, not the caller.
FROM_AWS: Final[Mapping[str, str]] = {
    "aws:PrincipalArn": _PLATFORM_ROLE,
    "aws:ResourceOrgID": SAMPLES["organization"],
    "aws:SecureTransport": "true",
}
#: Service that starts our own processes: a role trusted for it is used by our code.
_OWN_PROCESSES: Final = "ecs-tasks.amazonaws.com"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of a role: the actions and resources are patterns."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]] = {}
    not_actions: tuple[str, ...] = ()  # in the place of actions


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role of a template: ``name`` is its logical id, ``trusts`` the accounts and services that can assume it."""

    name: str
    template: str
    trusts: tuple[str, ...]
    statements: tuple[Statement, ...]
    trust_statements: tuple[Statement, ...]

    @property
    def is_ours(self) -> bool:
        """Whether our own processes act in it, so that its calls can be recorded."""
        return any(name == _OWN_PROCESSES or name.startswith("arn:") for name in self.trusts)


class _Samples:
    """Resolves each name of a template to its sample value, or to itself. Implements ``intrinsics.Scope``."""

    def ref(self, name: str) -> str:
        """Return the value of a parameter, or the name of a resource."""
        return _PARAMETERS.get(name, name)

    def attribute(self, logical_id: str, name: str) -> str:
        """Return a name for the attribute."""
        return f"{logical_id}.{name}"

    def condition(self, name: str) -> bool:
        """Return True: the most that a role can have."""
        return bool(name)


def read_roles(folder: Path = DEPLOY) -> tuple[Role, ...]:
    """Read the roles of all templates below a folder, each with everything that its parameters can switch on.

    Raises:
        TemplateError: A template cannot be read.
    """
    return tuple(role for path in sorted(folder.rglob("*.yaml")) for role in _roles_of(path, folder))


def _roles_of(path: Path, folder: Path) -> Iterator[Role]:
    for name, body in read_source(path)["Resources"].items():
        if body["Type"] != "AWS::IAM::Role":
            continue
        properties = resolve(body["Properties"], _Samples())
        trust = properties["AssumeRolePolicyDocument"]["Statement"]
        yield Role(
            name=name,
            template=path.relative_to(folder).as_posix(),
            trusts=tuple(sorted({principal for each in trust for principal in _principals(each)})),
            statements=tuple(
                read_statement(each)
                for policy in properties.get("Policies", ())
                for each in policy["PolicyDocument"]["Statement"]
            ),
            trust_statements=tuple(read_statement(each) for each in trust),
        )


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    for value in statement["Principal"].values():
        yield from as_list(value)


def read_statement(body: Mapping[str, Any]) -> Statement:
    """Read a statement whose functions are resolved."""
    return Statement(
        sid=body.get("Sid", ""),
        effect=body["Effect"],
        actions=as_list(body.get("Action", [])),
        not_actions=as_list(body.get("NotAction", [])),
        resources=as_list(body.get("Resource", "*")),  # a trust policy names none
        conditions=body.get("Condition", {}),
    )


def as_list(value: Any) -> tuple[str, ...]:
    """Return a value of a policy, which may be one or a list, as strings."""
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
