"""An account's name has one spelling: at sign-in, at creation, and for accounts that were there before."""

import unicodedata

import pytest
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from hypothesis import given
from hypothesis import strategies as st

from apps.tenancy.accounts import normalise_account
from apps.tenancy.models import User

BEFORE, AFTER = "0002_connections", "0003_account_names_and_sign_in_counts"


class TestNormaliseAccount:
    @given(st.text(st.characters(codec=None), max_size=20))
    def test_changes_nothing_the_second_time(self, text: str) -> None:
        once = normalise_account(text)
        assert normalise_account(once) == once
        assert once.encode("utf-8", "strict").decode() == once

    @given(st.text(st.characters(codec="utf-8"), max_size=20))
    def test_tells_no_spellings_apart_that_the_sign_in_form_does_not(self, text: str) -> None:
        form = unicodedata.normalize("NFKC", text.strip())  # django.contrib.auth.forms.UsernameField
        assert normalise_account(form) == normalise_account(text)


@pytest.mark.django_db
class TestAccounts:
    def test_are_made_in_lower_case(self) -> None:
        assert User.objects.create_user(username=" Staff@Brand.Example").username == "staff@brand.example"
        assert User.objects.create(username="Other@Brand.Example").username == "other@brand.example"

    def test_are_found_in_any_case(self) -> None:
        user = User.objects.create_user(username="staff@brand.example")
        assert User.objects.get(username="STAFF@Brand.example") == user
        assert User.objects.get_by_natural_key("Staff@Brand.example ") == user
        assert User.objects.get_or_create(username="Staff@brand.example") == (user, False)

    def test_differ_in_more_than_case(self) -> None:
        User.objects.create_user(username="staff@brand.example")
        with pytest.raises(IntegrityError):
            User.objects.create_user(username="Staff@Brand.example")


@pytest.mark.django_db(transaction=True)
class TestMigration:
    def test_gives_accounts_their_one_spelling(self) -> None:
        _migrate(BEFORE)
        try:
            _insert("Staff@Brand.Example", "ops@platform.example")
        finally:
            _migrate_to_latest()
        assert set(User.objects.values_list("username", flat=True)) == {"staff@brand.example", "ops@platform.example"}

    def test_refuses_two_accounts_of_one_name_and_loses_neither(self) -> None:
        _migrate(BEFORE)
        try:
            _insert("Staff@brand.example", "staff@Brand.example")
            with pytest.raises(ValueError, match="rename or delete"):
                _migrate(AFTER)
            names = MigrationExecutor(connection).loader.project_state(("tenancy", BEFORE)).apps
            then = names.get_model("tenancy", "User").objects
            assert then.count() == 2
            then.all().delete()
        finally:
            _migrate_to_latest()


def _migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("tenancy", name)])


def _migrate_to_latest() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("tenancy"))


def _insert(*names: str) -> None:
    then = MigrationExecutor(connection).loader.project_state(("tenancy", BEFORE)).apps
    for name in names:
        then.get_model("tenancy", "User").objects.create(username=name)
