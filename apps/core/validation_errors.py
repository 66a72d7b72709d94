"""Errors of msgspec as a JSON pointer (RFC 6901), a stable code and a sentence. Values are never quoted."""

import re
from typing import Final

from resale.errors import FieldError

_MAX_NAME_CHARS: Final = 64  # an unknown field's name is the caller's own text

# msgspec 0.22 knows these sentences; tests/unit/test_decoding.py holds each of them.
_PLACE: Final = re.compile(r"^(?P<problem_text>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")
_NAMED: Final = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)
_SENTENCES: Final = (
    (re.compile(r"^Object contains unknown field"), "unknown_field", "This field does not exist. Remove it."),
    (re.compile(r"^Object missing required field"), "required", "This field is required."),
    (re.compile(r"^Expected `\w+` of length >= (\d+)"), "too_short", "At least {} are required."),
    (re.compile(r"^Expected `\w+` of length <= (\d+)"), "too_long", "At most {} are allowed."),
    (re.compile(r"^Expected `\w+` of length (\d+)"), "wrong_length", "Exactly {} are required."),
    (re.compile(r"^Expected `(?:int|float)` (?:<|>)=? (-?[\d.]+)"), "out_of_range", "The limit is {}."),
    (re.compile(r"out of range"), "out_of_range", "The number is out of range."),
    (re.compile(r"matching regex"), "wrong_format", "The format is not valid."),
    (re.compile(r"with a timezone component"), "wrong_format", "A time requires a time zone, such as Z."),
    (re.compile(r"^Invalid enum value"), "unknown_value", "This value is not one of the allowed values."),
    (re.compile(r"^Invalid (?:RFC3339|ISO|UUID|base64)"), "wrong_format", "The format is not valid."),
    (re.compile(r"^Expected `([^`]+)`, got `([^`]+)`"), "wrong_type", "Expected {}, got {}."),
)


def field_error(message: str) -> FieldError:
    """Convert a msgspec message into a field error without the value."""
    place = _PLACE.match(message)
    problem_text, path = (place["problem_text"], place["path"] or "") if place else (message, "")
    steps = _steps(path)
    if named := _NAMED.match(problem_text):
        steps.append(named["name"][:_MAX_NAME_CHARS])
    code, detail = _sentence(problem_text)
    return FieldError(pointer(*steps), code, detail)


def pointer(*steps: str) -> str:
    """Join steps to a JSON pointer."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _steps(path: str) -> list[str]:
    steps: list[str] = []
    for name, index, unknown in _STEP.findall(path):
        if unknown:  # a value of a mapping, whose key msgspec does not say: the pointer ends at the mapping
            break
        steps.append(name or index)
    return steps


def _sentence(problem_text: str) -> tuple[str, str]:
    for pattern, code, detail in _SENTENCES:
        if match := pattern.search(problem_text):
            return code, detail.format(*match.groups())
    return "invalid", "The value is not valid."
