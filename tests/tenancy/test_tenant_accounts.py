"""Registries of before each tenant had an AWS account of its own: a migration names the tenants in its way."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.tenancy.models import Tenant

BEFORE, AFTER = "0003_account_names_and_sign_in_counts", "0004_one_tenant_an_account"


@pytest.mark.django_db(transaction=True)
class TestMigration:
    def test_names_the_tenants_that_share_an_account(self) -> None:
        _migrate(BEFORE)
        try:
            _insert("one", "111111111111", "two", "222222222222", "three", "111111111111", "f" * 32, "444444444444")
            with pytest.raises(ValueError, match="correct or delete") as refused:
                _migrate(AFTER)
            assert "account 111111111111 is that of one (ten_one), three (ten_three)" in str(refused.value)
            assert f"the slug of {'f' * 32}" in str(refused.value)
            assert "ten_two" not in str(refused.value)
            _tenants().exclude(slug="two").delete()
            _migrate_to_latest()
            assert list(Tenant.objects.values_list("slug", flat=True)) == ["two"]
        finally:
            _tenants().exclude(slug="two").delete()
            _migrate_to_latest()


def _migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("tenancy", name)])


def _migrate_to_latest() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("tenancy"))


def _tenants() -> Any:
    return (
        MigrationExecutor(connection)
        .loader.project_state(("tenancy", BEFORE))
        .apps.get_model("tenancy", "Tenant")
        .objects
    )


def _insert(*slugs_and_accounts: str) -> None:
    for slug, account_id in zip(slugs_and_accounts[::2], slugs_and_accounts[1::2], strict=True):
        _tenants().create(
            id=f"ten_{slug}", slug=slug, account_id=account_id, oidc_issuer="https://id.test", oidc_audience=slug
        )
