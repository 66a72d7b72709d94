"""A template with its parameters: conditions, resources in dependency order, outputs. Calls nothing."""

import graphlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from deploy.local.provisioning.intrinsics import NO_VALUE, iter_needs, resolve
from deploy.local.provisioning.sources import TemplateError, read_source


class Applied(msgspec.Struct, frozen=True):
    """The values of a created resource: its ``Ref`` and its ``GetAtt`` attributes."""

    ref: str
    attributes: Mapping[str, str] = {}


class Template:
    """One template for one account and region. Implements ``intrinsics.Scope``."""

    def __init__(
        self, source: Mapping[str, Any], *, account_id: str, region: str, parameters: Mapping[str, str]
    ) -> None:
        """Validate the parameters against their declarations.

        Raises:
            TemplateError: A parameter is unknown, missing or not as its declaration says.
        """
        self._source = source
        self._values: dict[str, Any] = {
            "AWS::AccountId": account_id,
            "AWS::Region": region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
            **read_parameters(source.get("Parameters", {}), parameters),
        }
        self._applied: dict[str, Applied] = {}

    @classmethod
    def read(cls, path: Path, *, account_id: str, region: str, parameters: Mapping[str, str]) -> "Template":
        """Read a template file with parameters."""
        return cls(read_source(path), account_id=account_id, region=region, parameters=parameters)

    def in_order(self) -> Iterator[tuple[str, str]]:
        """Iterate over (logical id, type) of the resources whose condition holds, in dependency order."""
        resources = self._source["Resources"]
        graph = {name: self._needs(body) & resources.keys() for name, body in resources.items()}
        try:
            order = tuple(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            raise TemplateError(f"resources need each other: {error.args[1]}") from error
        for name in order:
            condition = resources[name].get("Condition")
            if condition is None or self.condition(condition):
                yield name, resources[name]["Type"]

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's resolved properties; the resources that it needs must have been recorded."""
        resolved = resolve(self._source["Resources"][logical_id].get("Properties", {}), self)
        if not isinstance(resolved, dict):
            raise TemplateError(f"{logical_id}: properties are not a map")
        return resolved

    def record(self, logical_id: str, applied: Applied) -> None:
        """Record the values of a created resource."""
        self._applied[logical_id] = applied

    def outputs(self) -> dict[str, str]:
        """Return the resolved outputs; every resource that they name must have been recorded."""
        declared = self._source.get("Outputs", {})
        return {name: str(resolve(body["Value"], self)) for name, body in declared.items()}

    def alias_of(self, logical_id: str) -> str | None:
        """Return the KMS alias of a key in this template, by which a created key is found again."""
        for name, body in self._source["Resources"].items():
            is_alias = body["Type"] == "AWS::KMS::Alias"
            if is_alias and logical_id in iter_needs(body["Properties"]["TargetKeyId"]):
                return str(resolve(self._source["Resources"][name]["Properties"]["AliasName"], self))
        return None

    def ref(self, name: str) -> Any:
        """Return a parameter's or pseudo parameter's value, or an applied resource's reference."""
        if name in self._values:
            return self._values[name]
        return self._require_applied(name).ref

    def attribute(self, logical_id: str, name: str) -> str:
        """Return an attribute of an applied resource."""
        attributes = self._require_applied(logical_id).attributes
        if name not in attributes:
            raise TemplateError(f"{logical_id} has no attribute {name}")
        return attributes[name]

    def condition(self, name: str) -> bool:
        """Return a condition's value."""
        declared = self._source.get("Conditions", {})
        if name not in declared:
            raise TemplateError(f"no condition {name}")
        return bool(resolve(declared[name], self))

    def _require_applied(self, logical_id: str) -> Applied:
        if logical_id not in self._applied:
            raise TemplateError(f"no parameter or made resource {logical_id}")
        return self._applied[logical_id]

    @staticmethod
    def _needs(body: Mapping[str, Any]) -> set[str]:
        declared = body.get("DependsOn", [])
        named = {declared} if isinstance(declared, str) else set(declared)
        return named | set(iter_needs(body.get("Properties", {})))


def read_parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of all declared parameters, given or default, with their types.

    Raises:
        TemplateError: One is unknown, missing or not as declared.
    """
    unknown = given.keys() - declared.keys()
    if unknown:
        raise TemplateError(f"no such parameter: {', '.join(sorted(unknown))}")
    return {name: _parameter(name, body, given.get(name, body.get("Default"))) for name, body in declared.items()}


def _parameter(name: str, declared: Mapping[str, Any], value: Any) -> Any:
    if value is None:
        raise TemplateError(f"parameter {name} has no default and was not given")
    text = str(value)
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], text):
        raise TemplateError(f"parameter {name} does not match {declared['AllowedPattern']}")
    if "AllowedValues" in declared and text not in map(str, declared["AllowedValues"]):
        raise TemplateError(f"parameter {name} is none of {declared['AllowedValues']}")
    if declared["Type"] == "Number":
        return _check_range(name, declared, text)
    return text.split(",") if declared["Type"] == "CommaDelimitedList" else text


def _check_range(name: str, declared: Mapping[str, Any], text: str) -> int:
    if not text.isdecimal():
        raise TemplateError(f"parameter {name} is not a whole number")
    number = int(text)
    if not declared.get("MinValue", number) <= number <= declared.get("MaxValue", number):
        raise TemplateError(f"parameter {name} is out of its bounds")
    return number
