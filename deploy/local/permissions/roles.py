"""The IAM roles of the templates, their statements resolved with sample values, and who acts in them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.provisioning.intrinsics import NO_VALUE, resolve
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
#: What attaches permissions to a role from outside it.
_APART: Final = frozenset({"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"})
#: The parts of a role's statement that are compared; NotAction and NotResource are not among them.
_READ_KEYS: Final = frozenset({"Action", "Condition", "Effect", "Resource", "Sid"})
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


class UnknownShape(Exception):  # noqa: N818 - named for what happened
    """Raised when a template gives permissions in a form that is not read here, so that none is passed over."""


class _Samples:
    """Resolves each name of a template to its sample value, or to itself. Implements ``intrinsics.Scope``."""

    def __init__(self, *, with_options: bool) -> None:
        self._with_options = with_options

    def ref(self, name: str) -> Any:
        """Return the value of a parameter, or the name of a resource."""
        return NO_VALUE if name == "AWS::NoValue" else _PARAMETERS.get(name, name)

    def attribute(self, logical_id: str, name: str) -> str:
        """Return a name for the attribute."""
        return f"{logical_id}.{name}"

    def condition(self, name: str) -> bool:  # noqa: ARG002 - all conditions hold, or none
        """Return whether the options of the template are on."""
        return self._with_options


def read_roles(folder: Path = DEPLOY) -> tuple[Role, ...]:
    """Read the roles of all templates below a folder, with the statements of both branches of every condition.

    Raises:
        TemplateError: A template cannot be read.
        UnknownShape: Permissions of ours are in a form that is not read here, or two roles of ours share a name.
    """
    roles = tuple(role for path in sorted(folder.rglob("*.yaml")) for role in _roles_of(path, folder))
    ours = [role.name for role in roles if role.is_ours]
    shared = {name for name in ours if ours.count(name) > 1}
    if shared:
        raise UnknownShape(f"two roles have the name {', '.join(sorted(shared))}; uses are recorded by it")
    return roles


def _roles_of(path: Path, folder: Path) -> Iterator[Role]:
    template = path.relative_to(folder).as_posix()
    for name, body in read_source(path)["Resources"].items():
        if body["Type"] in _APART:
            raise UnknownShape(f"{template}: {name} gives permissions apart from a role; give the role the policy")
        if body["Type"] == "AWS::IAM::Role":
            yield _read_role(name, template, body["Properties"])


def _read_role(name: str, template: str, declared: Mapping[str, Any]) -> Role:
    branches = [resolve(declared, _Samples(with_options=value)) for value in (True, False)]
    trust = [each for branch in branches for each in branch["AssumeRolePolicyDocument"]["Statement"]]
    given = [
        each
        for branch in branches
        for policy in branch.get("Policies", ())
        for each in policy["PolicyDocument"]["Statement"]
    ]
    role = Role(
        name=name,
        template=template,
        trusts=tuple(sorted({principal for each in trust for principal in _principals(each)})),
        statements=_distinct(given),
        trust_statements=_distinct(trust),
    )
    if role.is_ours:
        _refuse_unknown(role, branches, given)
    return role


def _distinct(statements: Iterable[Mapping[str, Any]]) -> tuple[Statement, ...]:
    """Read statements, those that both branches have once."""
    found: list[Statement] = []
    for each in map(read_statement, statements):
        if each not in found:
            found.append(each)
    return tuple(found)


def _refuse_unknown(role: Role, branches: Iterable[Mapping[str, Any]], given: Iterable[Mapping[str, Any]]) -> None:
    if any("ManagedPolicyArns" in branch for branch in branches):
        raise UnknownShape(f"{role.template}: {role.name} has managed policies; write its permissions out")
    for each in given:
        unread = each.keys() - _READ_KEYS
        if unread:
            raise UnknownShape(f"{role.template}: a statement of {role.name} has {', '.join(sorted(unread))}")


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
