"""``POST /v1/sandboxes``: an operator's key opens a sandbox out of the pool, and gets its keys once."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from apps.tenancy import keys, operator_keys, registry
from apps.tenancy.models import APIKey, OnboardingRun, OperatorKey, Sandbox
from apps.tenancy.sandboxes import SandboxPool
from resale.domain.tenants import TenantStatus
from resale.errors import Unavailable
from tests.tenancy.onboarding_world import Organisation, Terminal

REGION = "eu-west-2"
ORGANISATION: list[Organisation] = []

pytestmark = pytest.mark.django_db


def open_organisation() -> Organisation:
    """Return the organisation of the present test, for ``settings.ONBOARDING_PROVIDERS``."""
    return ORGANISATION[-1]


@pytest.fixture
def organisation(settings: Settings) -> Organisation:
    ORGANISATION[:] = [Organisation()]
    settings.ONBOARDING_PROVIDERS = f"{__name__}.open_organisation"
    return ORGANISATION[-1]


@pytest.fixture
def api_key() -> keys.IssuedKey:
    return operator_keys.issue_operator_key()


def fill(organisation: Organisation, count: int = 1) -> None:
    terminal = Terminal(organisation, organisation)
    SandboxPool(terminal.onboarding, say=terminal.lines.append).fill(count=count, region=REGION)


def post(api_key: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> tuple[int, Any, bool]:
    """Send a request; return status, body, and whether it is the response to a repetition."""
    headers = {"X-API-Key": api_key, "Idempotency-Key": key or uuid.uuid4().hex}
    response = Client().post("/v1/sandboxes", body or {}, content_type="application/json", headers=headers)
    return response.status_code, response.json(), "Idempotent-Replayed" in response


class TestCreateSandbox:
    def test_returns_keys_that_work(self, organisation: Organisation, api_key: keys.IssuedKey) -> None:
        fill(organisation)
        status, sandbox, _ = post(api_key.text, {"name": "Trial", "region": REGION})
        assert (status, sandbox["name"], sandbox["livemode"], sandbox["region"]) == (201, "Trial", False, REGION)
        tenant = registry.by_slug(sandbox["slug"])
        assert tenant.status == TenantStatus.ACTIVE
        for text in (sandbox["publishable_key"], sandbox["secret_key"]):
            known = registry.by_api_key_hash(keys.hash_of(text))
            assert known is not None
            assert known.tenant == tenant
        assert sandbox["secret_key"].startswith("sk_test_")
        assert datetime.fromisoformat(sandbox["expires_at"]) == Sandbox.objects.get().expires_at

    def test_a_repetition_returns_the_same_without_keys(
        self, organisation: Organisation, api_key: keys.IssuedKey
    ) -> None:
        fill(organisation, 2)
        _, first, _ = post(api_key.text, key="once")
        status, again, is_replay = post(api_key.text, key="once")
        assert (status, is_replay) == (201, True)
        assert again == {**first, "publishable_key": None, "secret_key": None}
        assert Sandbox.objects.exclude(taken_at=None).count() == 1
        status, problem, _ = post(api_key.text, {"name": "Another"}, key="once")
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
        _, other, _ = post(operator_keys.issue_operator_key().text, key="once")
        assert other["slug"] != first["slug"]

    def test_one_that_was_interrupted_is_opened_by_the_repetition(
        self, organisation: Organisation, api_key: keys.IssuedKey
    ) -> None:
        fill(organisation)
        good = organisation.connect

        def fails(*_: Any, **__: Any) -> Any:
            raise TypeError("interrupted")

        organisation.connect = fails  # type: ignore[method-assign]
        assert post(api_key.text, key="once")[0] == 500
        organisation.connect = good  # type: ignore[method-assign]
        status, sandbox, is_replay = post(api_key.text, key="once")
        assert (status, is_replay) == (201, True)
        assert sandbox["secret_key"].startswith("sk_test_")
        assert OnboardingRun.objects.get().state == "active"

    def test_keys_that_were_lost_with_the_response_are_replaced_by_the_repetition(
        self, organisation: Organisation, api_key: keys.IssuedKey
    ) -> None:
        fill(organisation)
        good = organisation.finish

        def fails(account_id: str) -> None:  # noqa: ARG001 - the port's signature
            raise TypeError("interrupted")

        organisation.finish = fails  # type: ignore[method-assign]  # of the last step, after the keys
        assert post(api_key.text, key="once")[0] == 500
        lost = set(APIKey.objects.values_list("id", flat=True))
        organisation.finish = good  # type: ignore[method-assign]
        status, sandbox, is_replay = post(api_key.text, key="once")
        assert (status, is_replay, len(lost)) == (201, True, 2)
        for text in (sandbox["publishable_key"], sandbox["secret_key"]):
            known = registry.by_api_key_hash(keys.hash_of(text))
            assert known is not None
            assert known.tenant == registry.by_slug(sandbox["slug"])
        assert set(APIKey.objects.exclude(revoked_at=None).values_list("id", flat=True)) == lost
        assert post(api_key.text, key="once")[1] == {**sandbox, "publishable_key": None, "secret_key": None}
        assert APIKey.objects.filter(revoked_at=None).count() == 2

    def test_an_empty_pool_is_unavailable(self, organisation: Organisation, api_key: keys.IssuedKey) -> None:
        status, problem, _ = post(api_key.text)
        assert (status, problem["code"]) == (503, "sandbox_pool_empty")
        assert not organisation.accounts_of

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"region": "ap-south-9"}, "validation_failed"),
            ({"name": ""}, "validation_failed"),
            ({"slug": "a"}, "validation_failed"),
        ],
    )
    def test_a_wrong_body_takes_nothing(
        self, organisation: Organisation, api_key: keys.IssuedKey, body: dict[str, str], code: str
    ) -> None:
        fill(organisation)
        status, problem, _ = post(api_key.text, body)
        assert (status, problem["code"]) == (422, code)
        assert Sandbox.objects.get().taken_at is None

    def test_no_platform_is_unavailable(self, settings: Settings, api_key: keys.IssuedKey) -> None:
        settings.ONBOARDING_PROVIDERS = f"{__name__}.open_nothing"
        status, problem, _ = post(api_key.text)
        assert (status, problem["code"]) == (503, "unavailable")


def open_nothing() -> Organisation:
    """Refuse, as where no organisation is configured."""
    raise Unavailable("No organisation is configured.")


class TestOperatorKeys:
    def test_a_revoked_one_is_refused(self, api_key: keys.IssuedKey, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("revoke_api_key", api_key.id)
        assert "revoked" in capsys.readouterr().out
        status, problem, _ = post(api_key.text)
        assert (status, problem["code"]) == (401, "api_key_revoked")
        with pytest.raises(CommandError, match="No API key"):
            call_command("revoke_api_key", "opk_0")

    def test_the_command_prints_one_and_stores_its_hash(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("issue_api_key", "--operator", "--scope", "sandboxes:write")
        id_, text = capsys.readouterr().out.split()
        row = OperatorKey.objects.get(id=id_)
        assert row.scopes == ["sandboxes:write"]
        assert row.hash == keys.hash_of(text)
        assert text not in str(row.__dict__)

    @pytest.mark.parametrize(
        "words", [(), ("northwind",), ("northwind", "secret", "--operator"), ("--operator", "--scope", "orders:read")]
    )
    def test_the_command_refuses(self, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            call_command("issue_api_key", *words)
        assert not OperatorKey.objects.exists()
