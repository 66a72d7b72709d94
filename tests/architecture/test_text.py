"""Every text that enters has a kind (``resale.domain.text``): no endpoint, form or command takes a bare ``str``."""

from collections.abc import Iterator

import msgspec
import pytest
from django import forms
from msgspec import inspect

from apps.backoffice import amounts, text_fields
from apps.backoffice import forms as backoffice_forms
from apps.core.input_text import text_kind
from apps.storefront.docs import ENDPOINTS
from resale.domain.text import WRITTEN
from tests.architecture.sources import broken

#: Text without a pattern: what is signed, so that only our own is taken.
SIGNED = {"cursor"}
TAKEN = sorted(
    {kind for one in ENDPOINTS for kind in (one.body, one.query, one.names) if kind is not None},
    key=lambda kind: kind.__name__,
)


def texts_in(said: inspect.Type, place: str) -> Iterator[tuple[str, inspect.Type]]:
    """Give every text of a type, with its metadata, and where it is. What may be anything may be text."""
    plain = said.type if isinstance(said, inspect.Metadata) else said
    if isinstance(plain, inspect.StrType | inspect.AnyType | inspect.RawType):
        yield place, said
    for part, inner in _parts_of(plain):
        yield from texts_in(inner, place + part)


def _parts_of(said: inspect.Type) -> Iterator[tuple[str, inspect.Type]]:
    match said:
        case inspect.StructType():
            yield from ((f".{field.encode_name}", field.type) for field in said.fields)
        case inspect.DictType():
            yield from ((" (key)", said.key_type), ("[]", said.value_type))
        case inspect.ListType() | inspect.VarTupleType():
            yield "[]", said.item_type
        case inspect.UnionType():
            yield from (("", one) for one in said.types)


def all_texts() -> Iterator[tuple[str, inspect.Type]]:
    for kind in TAKEN:
        yield from texts_in(inspect.type_info(kind), kind.__name__)


class TestEndpoints:
    def test_every_text_has_a_kind(self) -> None:
        offences = [place for place, said in all_texts() if text_kind(said) is None]
        reason = "Text is checked by its kind: use line, paragraphs, code or reference of resale.domain.text:"
        assert not offences, broken(reason, offences)

    def test_every_text_is_bounded(self) -> None:
        offences = [place for place, said in all_texts() if text_kind(said) in WRITTEN and not _is_bounded(said)]
        assert not offences, broken("What people write has a greatest length:", offences)

    def test_every_other_text_has_a_pattern(self) -> None:
        offences = [
            place
            for place, said in all_texts()
            if text_kind(said) not in WRITTEN and not _has_pattern(said) and place.rpartition(".")[2] not in SIGNED
        ]
        assert not offences, broken("A code or a reference says what it is made of:", offences)

    def test_every_part_of_a_path_that_is_no_id_of_ours_has_a_type(self) -> None:
        offences = [
            f"{one.path}: {part}"
            for one in ENDPOINTS
            for part in _parts(one.path)
            if not part.endswith("_id") and (one.names is None or part not in one.names.__struct_fields__)
        ]
        assert not offences, broken("What is not looked up by an id's shape is checked by a type:", offences)


class TestForms:
    def test_every_text_of_a_form_has_a_kind(self) -> None:
        checked = (text_fields.TextField, amounts.AmountField)
        offences = [
            f"{form.__name__}.{name}"
            for form in vars(backoffice_forms).values()
            if isinstance(form, type) and issubclass(form, forms.BaseForm)
            for name, field in form.base_fields.items()  # type: ignore[attr-defined]  # a form's metaclass makes it
            if isinstance(field, forms.CharField) and not isinstance(field, checked)
        ]
        assert not offences, broken("A form's text is held to what the API's is: use text_fields.TextField:", offences)


@pytest.mark.parametrize("kind", [str, list[str], dict[str, int], str | None], ids=str)
def test_finds_a_bare_text(kind: type) -> None:
    struct = msgspec.defstruct("Loose", [("name", kind)])
    assert [text_kind(said) for _, said in texts_in(inspect.type_info(struct), "Loose")] == [None]


def _parts(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _is_bounded(said: inspect.Type) -> bool:
    return isinstance(said, inspect.Metadata) and getattr(said.type, "max_length", None) is not None


def _has_pattern(said: inspect.Type) -> bool:
    return isinstance(said, inspect.Metadata) and bool(getattr(said.type, "pattern", None))
