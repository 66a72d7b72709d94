"""Reading of template files: YAML with CloudFormation's short tags (``!Ref``) in their long form (``Fn::…``)."""

from functools import partial
from pathlib import Path
from typing import Any

import yaml


class TemplateError(Exception):
    """Raised when a template cannot be read or resolved; the message names the place."""


class _Loader(yaml.CSafeLoader):
    """libyaml's safe loader with the tags of ``_TAGS``; any other tag is an error."""


_TAGS = ("Ref", "GetAtt", "Sub", "If", "Join", "Equals", "Not", "And", "Or", "Select", "Split", "Condition")
_BARE = {"Ref", "Condition"}  # their long forms have no "Fn::"


def read_source(path: Path) -> dict[str, Any]:
    """Read a template.

    Raises:
        TemplateError: Not YAML, an unknown tag, or not a template.
    """
    try:
        # A safe loader: plain data only.
        source = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - _Loader is a safe loader
    except yaml.YAMLError as error:
        raise TemplateError(f"{path.name}: {error}") from error
    if not isinstance(source, dict) or "Resources" not in source:
        raise TemplateError(f"{path.name}: no Resources")
    return source


def _long_form(loader: _Loader, node: yaml.Node, *, tag: str) -> dict[str, Any]:
    value = _plain(loader, node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in _BARE else f"Fn::{tag}": value}


def _plain(loader: _Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


for _tag in _TAGS:
    _Loader.add_constructor(f"!{_tag}", partial(_long_form, tag=_tag))
