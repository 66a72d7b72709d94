"""Migrations: one line of them, and columns that processes of the release before can insert rows without."""

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField
from django.db.models import NOT_PROVIDED

from tests.architecture.sources import broken

#: The last one of before the rule; 0021 and 0022 give defaults to the columns that were added without.
_BEFORE = "0022"


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


def test_each_app_has_one_last_migration(loader: MigrationLoader) -> None:
    found = {app: names for app, names in loader.detect_conflicts().items() if apps.is_installed(f"apps.{app}")}
    assert not found, "two branches added a migration each: rename one, and let it depend on the other"


def test_a_new_column_has_a_default_in_the_database(loader: MigrationLoader) -> None:
    offences = [
        f"{name}: {operation.model_name}.{operation.name}"
        for (app, name), migration in loader.disk_migrations.items()
        if apps.is_installed(f"apps.{app}") and name > _BEFORE
        for operation in migration.operations
        if isinstance(operation, AddField) and _needs_value(operation.field)
    ]
    reason = (
        "`migrate` runs before the processes of the release before end, and they insert rows without it; db_default:"
    )
    assert not offences, broken(reason, offences)


def _needs_value(field: object) -> bool:
    nullable, default = getattr(field, "null", False), getattr(field, "db_default", NOT_PROVIDED)
    return not nullable and default is NOT_PROVIDED and not getattr(field, "many_to_many", False)
