"""CloudFormation's intrinsic functions: the resolved values, and the resources that they depend on."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from deploy.local.provisioning.sources import TemplateError

#: What ``AWS::NoValue`` becomes: the property or list entry is left out.
NO_VALUE: Final = object()

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class Scope(Protocol):
    """The scope in which names are resolved."""

    def ref(self, name: str) -> Any:
        """Return a parameter, a pseudo parameter or a resource's reference. Raises TemplateError."""

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return an attribute of an applied resource. Raises TemplateError."""

    def condition(self, name: str) -> bool:
        """Return a condition's value. Raises TemplateError."""


def resolve(value: Any, scope: Scope) -> Any:
    """Replace every function in a value by its result in this scope.

    Raises:
        TemplateError: An unknown name or function.
    """
    if isinstance(value, list):
        return [entry for entry in (resolve(entry, scope) for entry in value) if entry is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    call = _as_call(value)
    if call is not None:
        return _apply(*call, scope)
    resolved = {key: resolve(entry, scope) for key, entry in value.items()}
    return {key: entry for key, entry in resolved.items() if entry is not NO_VALUE}


def iter_needs(value: Any) -> Iterator[str]:
    """Iterate over the names that a value refers to: resources, parameters and pseudo parameters."""
    if isinstance(value, list):
        for entry in value:
            yield from iter_needs(entry)
    elif isinstance(value, dict):
        call = _as_call(value)
        if call is not None:
            yield from _iter_names(*call)
        for entry in value.values():
            yield from iter_needs(entry)


def _as_call(value: dict[str, Any]) -> tuple[str, Any] | None:
    if len(value) != 1:
        return None
    name, argument = next(iter(value.items()))
    is_function = name == "Ref" or name.startswith("Fn::") or (name == "Condition" and isinstance(argument, str))
    return (name, argument) if is_function else None


def _iter_names(name: str, argument: Any) -> Iterator[str]:
    if name == "Ref":
        yield argument
    elif name == "Fn::GetAtt":
        yield argument[0]
    elif name == "Fn::Sub":
        text = argument[0] if isinstance(argument, list) else argument
        local = argument[1] if isinstance(argument, list) else {}
        for escaped, key in _PLACEHOLDER.findall(text):
            if not escaped and key not in local:
                yield key.split(".", 1)[0]


def _apply(name: str, argument: Any, scope: Scope) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise TemplateError(f"{name} is not known to this reader")
    return function(argument, scope)


def _sub(argument: Any, scope: Scope) -> str:
    text, local = argument if isinstance(argument, list) else (argument, {})

    def replace(match: re.Match[str]) -> str:
        escaped, key = match.groups()
        if escaped:
            return f"${{{key}}}"
        if key in local:
            return str(resolve(local[key], scope))
        logical_id, dot, attribute = key.partition(".")
        return str(scope.attribute(logical_id, attribute) if dot else scope.ref(key))

    return _PLACEHOLDER.sub(replace, text)


def _get_att(argument: Any, scope: Scope) -> Any:
    return scope.attribute(argument[0], argument[1])


def _if(argument: Any, scope: Scope) -> Any:
    condition, when_true, when_false = argument
    return resolve(when_true if scope.condition(condition) else when_false, scope)


def _join(argument: Any, scope: Scope) -> str:
    delimiter, parts = argument
    return str(delimiter).join(str(part) for part in resolve(parts, scope))


def _split(argument: Any, scope: Scope) -> list[str]:
    delimiter, text = argument
    return str(resolve(text, scope)).split(str(delimiter))


def _select(argument: Any, scope: Scope) -> Any:
    index, entries = argument
    return resolve(entries, scope)[int(resolve(index, scope))]


def _equals(argument: Any, scope: Scope) -> bool:
    left, right = (resolve(side, scope) for side in argument)
    return str(left) == str(right)


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": lambda argument, scope: scope.ref(argument),
    "Condition": lambda argument, scope: scope.condition(argument),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::Equals": _equals,
    "Fn::Not": lambda argument, scope: not resolve(argument[0], scope),
    "Fn::And": lambda argument, scope: all(resolve(side, scope) for side in argument),
    "Fn::Or": lambda argument, scope: any(resolve(side, scope) for side in argument),
}
