"""Which recorded uses the statements of a role permit, and which of its grants nobody used."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from deploy.local.permissions.roles import FROM_AWS, SAMPLES, Role, Statement, as_list
from deploy.local.permissions.uses import Use

ALLOW: Final = "Allow"
DENY: Final = "Deny"


class Grant(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """One action on one resource that a statement of a role allows, both as patterns."""

    role: str
    sid: str
    action: str
    resource: str


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A use with sample values in the place of its braces."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]


class UnknownOperator(Exception):  # noqa: N818 - named for what happened
    """Raised when a statement has a condition operator that is not known here."""


def call_of(use: Use) -> Call:
    """Fill in the sample values; condition keys that AWS adds to every call are added."""
    context: dict[str, tuple[str, ...]] = {key: (value,) for key, value in FROM_AWS.items()}
    for line in use.context:
        key, _, value = _fill_in(line).partition("=")
        context[key] = tuple(value.split(","))
    return Call(action=use.action, resource=_fill_in(use.resource), context=context)


def denies(call: Call, statements: Iterable[Statement]) -> bool:
    """Return whether a Deny matches, as in the policies of an organisation, which only refuse."""
    return any(each.effect == DENY and _matches(each, call) for each in statements)


def is_permitted(call: Call, statements: Iterable[Statement]) -> bool:
    """Return what IAM decides: an Allow matches, and no Deny does."""
    effects = {each.effect for each in statements if _matches(each, call)}
    return ALLOW in effects and DENY not in effects


def grants_of(role: Role) -> Iterator[tuple[Grant, Statement]]:
    """Iterate over everything that a role allows, one action and resource at a time, each as a statement as well."""
    for each in role.statements:
        if each.effect == ALLOW:
            for action in each.actions:
                for resource in each.resources:
                    grant = Grant(role=role.name, sid=each.sid, action=action, resource=resource)
                    yield grant, msgspec.structs.replace(each, actions=(action,), resources=(resource,))


def unused_grants(role: Role, uses: Iterable[Use]) -> tuple[Grant, ...]:
    """Return the grants of a role that no use of it needs; a use needs a grant whose conditions hold for it, too."""
    calls = [call_of(use) for use in uses if use.role == role.name]
    return tuple(grant for grant, alone in grants_of(role) if not any(_matches(alone, call) for call in calls))


def missing_permissions(role: Role, uses: Iterable[Use]) -> tuple[Use, ...]:
    """Return the uses of a role that its statements do not permit."""
    return tuple(use for use in uses if use.role == role.name and not is_permitted(call_of(use), role.statements))


def _fill_in(text: str) -> str:
    return text.format_map(SAMPLES)


def _matches(statement: Statement, call: Call) -> bool:
    return (
        _names_action(statement, call.action)
        and any(_is_like(call.resource, resource) for resource in statement.resources)
        and all(
            _holds(operator, call.context.get(key), [_fill_variables(each, call.context) for each in as_list(expected)])
            for operator, keys in statement.conditions.items()
            for key, expected in keys.items()
        )
    )


def _names_action(statement: Statement, action: str) -> bool:
    if statement.not_actions:
        return not any(_is_like(action, each) for each in statement.not_actions)
    return any(_is_like(action, each) for each in statement.actions)


def _holds(operator: str, found: tuple[str, ...] | None, wanted: list[str]) -> bool:
    """Return whether one condition holds for the values that the request has of its key (None: it has none)."""
    form = _FORM.fullmatch(operator)
    test = None if form is None else _OPERATORS.get(f"{form['kind']}{form['test'] or ''}")
    if operator == "Null":
        return (found is None) == (wanted == ["true"])
    if form is None or test is None:
        raise UnknownOperator(f"{operator} is not known to deploy/local/permissions/decisions.py")
    if found is None:  # IAM User Guide: condition operators, "Not", IfExists, set operators
        return bool(form["negated"] or form["optional"] or form["all_values"])
    hits = [any(test(value, each) for each in wanted) for value in found]
    return not any(hits) if form["negated"] else all(hits)


def _fill_variables(text: str, context: Mapping[str, tuple[str, ...]]) -> str:
    """Fill in policy variables, such as ``${aws:PrincipalAccount}``; one without a value matches nothing."""
    return _VARIABLE.sub(lambda found: context.get(found[1], ("\0",))[0], text)


def _is_like(value: str, pattern: str) -> bool:
    """Return whether a value matches a pattern of IAM; actions are compared so, too, which IAM does in any case."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value) is not None


_VARIABLE: Final = re.compile(r"\$\{(aws:[^}]+)\}")
_FORM: Final = re.compile(
    r"(?P<all_values>ForAllValues:)?(?P<kind>Arn|Bool|String)(?P<negated>Not)?(?P<test>Equals|Like)?(?P<optional>IfExists)?"
)
_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "ArnEquals": _is_like,
    "ArnLike": _is_like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": _is_like,
}
