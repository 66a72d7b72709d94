"""Entity types are complete: what one needs is there, and a sentence says what is not and where it belongs."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from django.urls import NoReverseMatch, reverse

import resale.domain
from apps.storefront.docs import ENDPOINTS
from resale.adapters.dynamodb.entities import MAPPINGS
from resale.application.reactions import TASKS
from resale.domain import entities
from resale.domain.changes import ChangeType
from resale.domain.entities import ENTITIES, Absent, AnyEntityType, EntityType
from resale.domain.ids import CUSTOMER_ID
from tests.architecture.sources import ROOT, broken, calls, sources

_SAMPLES = ROOT / "tests" / "samples"
_AUDITED = {"id", "object", "schema", "version", "status", "created_at", "updated_at"}
_ANY_ID = "0" * 32


def _lines(*found: tuple[AnyEntityType, str]) -> list[str]:
    return [f"{entity_type.name}: {what}" for entity_type, what in found]


class TestEntityTypes:
    def test_every_audited_struct_is_of_a_type(self) -> None:
        known = {entity_type.struct for entity_type in ENTITIES.values()}
        missing = sorted(struct.__name__ for struct in set(_audited_structs()) - known)
        reason = "Add an EntityType of each of these to resale/domain/entities:"
        assert not missing, broken(reason, missing)

    def test_every_type_is_in_the_mapping(self) -> None:
        defined = {value for value in _values_in(entities) if isinstance(value, EntityType)}
        missing = sorted(one.name for one in defined if ENTITIES.get(one.prefix) is not one)
        reason = "Add these to ENTITIES in resale/domain/entities/__init__.py, each with its own prefix:"
        assert not missing, broken(reason, missing)

    def test_every_type_is_mapped_to_its_table(self) -> None:
        missing = [one.name for one in ENTITIES.values() if one.prefix not in MAPPINGS]
        reason = "Say how these lie in their table, in MAPPINGS of resale/adapters/dynamodb/entities.py:"
        assert not missing, broken(reason, missing)
        assert {MAPPINGS[prefix].documents.entity for prefix in ENTITIES} == {one.struct for one in ENTITIES.values()}

    def test_every_change_is_of_a_type_and_every_type_changes(self) -> None:
        changed = {change_type.partition(".")[0] for change_type in ChangeType}
        named = {one.object_name for one in ENTITIES.values()}
        reason = "ChangeType in resale/domain/changes.py begins with the `object` of an entity type, and each has one:"
        assert changed == named, broken(reason, sorted(changed ^ named))


class TestPrefixes:
    def test_are_written_once(self) -> None:
        prefixes = {one.prefix for one in ENTITIES.values()}
        offences = [
            f"{source.at(node)} {text!r}"
            for source in sources("resale", "apps", "deploy")
            for node, text in _literals_outside_id_types(source.tree)
            if text.removesuffix("_") in prefixes
        ]
        assert not offences, broken("Use the IdType of resale/domain/ids.py (matches, of, new, sibling_of):", offences)


class TestSamples:
    def test_every_type_has_a_stored_document(self) -> None:
        missing = [str(path.relative_to(ROOT)) for path in map(_sample_of, ENTITIES.values()) if not path.exists()]
        reason = "Every schema that ships has a document in tests/samples, which later releases must read. Write these:"
        assert not missing, broken(reason, missing)

    def test_every_type_has_a_stored_item(self) -> None:
        paths = [_SAMPLES / "items" / f"{one.sample}.json" for one in ENTITIES.values()]
        missing = [str(path.relative_to(ROOT)) for path in paths if not path.exists()]
        reason = "`python -m tests.unit.stored_items` writes what is missing, and shows how a type lies in its table:"
        assert not missing, broken(reason, missing)

    @pytest.mark.parametrize("entity_type", ENTITIES.values(), ids=lambda one: one.name)
    def test_who_it_belongs_to_is_read_from_its_sample(self, entity_type: AnyEntityType) -> None:
        entity = msgspec.json.decode(_sample_of(entity_type).read_bytes(), type=entity_type.struct)
        readers = [read for read in (entity_type.owner, entity_type.counterparty) if read is not None]
        assert all(CUSTOMER_ID.matches(read(entity)) for read in readers), (
            f"owner and counterparty of a {entity_type.name} are customers"
        )
        assert entity_type.parent_of(entity), f"a {entity_type.name} lies beside nothing"


class TestWhatReadsThem:
    def test_what_waits_is_woken_and_nothing_else(self) -> None:
        wrong = [
            one.name
            for one in ENTITIES.values()
            if ("due_at" in one.struct.__struct_fields__) == isinstance(one.wake_task, Absent)
        ]
        reason = "A type has `due_at` and a wake_task, or neither (resale/domain/entities):"
        assert not wrong, broken(reason, wrong)

    def test_every_wake_task_has_a_route_to_its_type(self) -> None:
        routed = {(name, route.entity_type.prefix) for name, route in TASKS.items()}
        woken = [one for one in ENTITIES.values() if not isinstance(one.wake_task, Absent)]
        missing = [f"{one.wake_task} of a {one.name}" for one in woken if (one.wake_task, one.prefix) not in routed]
        assert not missing, broken("Give these a route in TASKS of resale/application/reactions.py:", missing)

    def test_every_history_is_listed(self) -> None:
        paths = {endpoint.path for endpoint in ENDPOINTS}
        listed = {
            one.prefix for one in ENTITIES.values() if any(f"{{{one.argument}}}/history" in path for path in paths)
        }
        declared = {one.prefix for one in ENTITIES.values() if not isinstance(one.history, Absent)}
        reason = "A type with a history action has a history_endpoint in apps/storefront/endpoints, no other has:"
        assert listed == declared, broken(reason, sorted(listed ^ declared))

    def test_every_page_is_there_and_takes_the_id_alone(self) -> None:
        missing = _lines(*((one, str(error)) for one, error in _broken_pages()))
        reason = "The page of a type is in apps/backoffice/urls.py, under the name and argument that the type says:"
        assert not missing, broken(reason, missing)

    def test_every_absence_has_a_reason(self) -> None:
        absent = [
            (one, value)
            for one in ENTITIES.values()
            for value in msgspec.structs.astuple(one)
            if isinstance(value, Absent)
        ]
        short = _lines(*((one, value.because) for one, value in absent if len(value.because.split()) < 3))
        assert absent
        assert not short, broken("Say why a type has no such thing, so that the next reader need not ask:", short)


def _sample_of(entity_type: AnyEntityType) -> Path:
    schema = next(field.default for field in msgspec.structs.fields(entity_type.struct) if field.name == "schema")
    return _SAMPLES / f"{entity_type.sample}-{schema}.json"


def _literals_outside_id_types(tree: ast.AST) -> Iterator[tuple[ast.Constant, str]]:
    defined = {id(call.args[0]) for call, name in calls(tree) if name == "IdType" and call.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in defined:
            yield node, node.value


def _audited_structs() -> Iterator[type[msgspec.Struct]]:
    for value in _values_in(resale.domain):
        is_struct = isinstance(value, type) and issubclass(value, msgspec.Struct)
        if is_struct and set(value.__struct_fields__) >= _AUDITED:
            yield value


def _values_in(package: ModuleType) -> Iterator[Any]:
    for module in pkgutil.iter_modules(package.__path__):
        yield from vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()


def _broken_pages() -> Iterator[tuple[AnyEntityType, NoReverseMatch]]:
    for one in ENTITIES.values():
        try:
            if not isinstance(one.page, Absent):
                reverse(f"admin:{one.page}", kwargs={one.argument: f"{one.prefix}_{_ANY_ID}"})
        except NoReverseMatch as error:
            yield one, error
