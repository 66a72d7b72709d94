"""The base of typed specs: a property that a spec does not declare is an error, never silently ignored."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from deploy.local.provisioning.sources import TemplateError


class Spec(msgspec.Struct, kw_only=True, rename="pascal", forbid_unknown_fields=True, omit_defaults=True):
    """The properties of a resource under CloudFormation's names."""


class Tag(Spec):
    """A tag."""

    key: str
    value: str


SpecType = TypeVar("SpecType", bound=Spec)


def read_spec(kind: type[SpecType], properties: Mapping[str, Any], logical_id: str) -> SpecType:
    """Convert the properties of a resource; numbers and booleans may be strings, as in CloudFormation.

    Raises:
        TemplateError: A property is unknown, missing or of the wrong type.
    """
    try:
        return msgspec.convert(properties, kind, strict=False)
    except msgspec.ValidationError as error:
        raise TemplateError(f"{logical_id}: {error}") from error


def to_api(value: Any) -> Any:
    """Convert specs to the API of a service with CloudFormation's names; unset properties are omitted."""
    return msgspec.json.decode(msgspec.json.encode(value))  # lists, as answers have them; to_builtins keeps tuples
