"""Who may call what: every endpoint by every kind of caller, held to the published table."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from django.test import Client

from apps.storefront import endpoints
from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import endpoints_of
from apps.storefront.openapi.examples import examples_of
from apps.storefront.path_parameters import PATH_IDS
from apps.tenancy import keys, operator_keys
from apps.tenancy.models import KeyKind, User
from apps.tenancy.scopes import SCOPES, OperatorScope
from tests.api.endpoint_access import Row, declared, published, written
from tests.fixtures.storefront import Front

NO_KEY, UNKNOWN_KEY = "401 api_key_missing", "401 api_key_invalid"
NO_TOKEN, NO_SECRET, NO_SCOPE = "401 token_missing", "403 secret_key_required", "403 scope_missing"
NO_OPERATOR = "403 operator_key_required"
ALLOWED = "allowed"

#: Who calls → by the access of the endpoint, what becomes of it. A key "without the scope" has every other one.
EXPECTED: Mapping[str, Mapping[str, str]] = {
    caller: dict(zip(("anybody", "key", "shopper", "party", "brand", "operator"), outcomes, strict=True))
    for caller, *outcomes in (
        ("nobody", ALLOWED, NO_KEY, NO_KEY, NO_KEY, NO_KEY, NO_KEY),
        ("staff's session", ALLOWED, NO_KEY, NO_KEY, NO_KEY, NO_KEY, NO_KEY),
        ("unknown key", ALLOWED, UNKNOWN_KEY, UNKNOWN_KEY, UNKNOWN_KEY, UNKNOWN_KEY, NO_OPERATOR),
        ("publishable key", ALLOWED, ALLOWED, NO_TOKEN, NO_TOKEN, NO_SECRET, NO_OPERATOR),
        ("shopper", ALLOWED, ALLOWED, ALLOWED, ALLOWED, NO_SECRET, NO_OPERATOR),
        ("secret key with the scope", ALLOWED, ALLOWED, NO_TOKEN, ALLOWED, ALLOWED, NO_OPERATOR),
        ("secret key without the scope", ALLOWED, NO_SCOPE, NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_OPERATOR),
        ("shopper by a secret key with the scope", ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, NO_OPERATOR),
        ("shopper by a secret key without the scope", ALLOWED, ALLOWED, ALLOWED, ALLOWED, NO_SCOPE, NO_OPERATOR),
        ("operator's key with the scope", ALLOWED, UNKNOWN_KEY, UNKNOWN_KEY, UNKNOWN_KEY, UNKNOWN_KEY, ALLOWED),
        ("operator's key without the scope", ALLOWED, UNKNOWN_KEY, UNKNOWN_KEY, UNKNOWN_KEY, UNKNOWN_KEY, NO_SCOPE),
    )
}
ROWS = published()
BY_NAME = {f"{one.method.upper()} {one.path}": one for one in ENDPOINTS}
NOTHING = {name: one.ids[0].prefix for name, one in PATH_IDS.items()}


def path_of(row: Row, **ids: str) -> str:
    """Fill a path in: with ids that are there, or with ones that name nothing."""
    given = {**{name: f"{prefix}_{'0' * 32}" for name, prefix in NOTHING.items()}, "country": "GB", **ids}
    return re.sub(r"{(\w+)}", lambda found: given.get(found[1], "x"), row.path)


def example_of(row: Row) -> bytes:
    body = BY_NAME[row.name].body
    return b"" if body is None else msgspec.json.encode(examples_of(ENDPOINTS).get(body.__name__, {}))


class Callers:
    """Headers of each kind of caller; a secret key is made for the scope of an endpoint when it is first needed."""

    def __init__(self, front: Front) -> None:
        self._shop = front.shop
        self._token = {"Authorization": f"Bearer {self._shop.token('shopper')}"}
        self._keys: dict[frozenset[str], str] = {}

    def headers(self, caller: str, row: Row) -> dict[str, str]:
        if caller in {"nobody", "staff's session"}:
            return {}
        key = self._key(caller, row)
        return {"X-API-Key": key, **(self._token if caller.startswith("shopper") else {})}

    def _key(self, caller: str, row: Row) -> str:
        if caller == "unknown key":
            return "pk_test_" + "a" * 43
        if caller.startswith("operator"):
            scopes_of_operator = tuple(OperatorScope) if "with the" in caller else ()
            return operator_keys.issue_operator_key(scopes=scopes_of_operator).text
        if "secret" not in caller:
            return self._shop.publishable.text
        scopes = frozenset({row.scope} & SCOPES)
        return self._secret(scopes if "with the" in caller else frozenset(SCOPES) - scopes)

    def _secret(self, scopes: frozenset[str]) -> str:
        if scopes not in self._keys:
            made = keys.issue_api_key(slug=self._shop.tenant.slug, kind=KeyKind.SECRET, scopes=sorted(scopes))
            self._keys[scopes] = made.text
        return self._keys[scopes]


def outcome_of(row: Row, headers: Mapping[str, str], client: Client) -> str:
    """Call an endpoint so that nothing comes of it: what is allowed meets a body that is no JSON, or reads."""
    body = "" if row.method == "GET" else "{"
    said = {"Content-Type": "application/json", **headers}
    response = client.generic(row.method, path_of(row), body, content_type="", headers=said)
    if response.status_code in {401, 403}:
        return f"{response.status_code} {response.json()['code']}"
    if row.method != "GET" and row.access != "anybody":
        assert response.json()["code"] == "malformed_body", (row.name, response.content)
    return ALLOWED


def expected_of(row: Row, caller: str) -> str:
    outcome = EXPECTED[caller][row.access]
    return ALLOWED if outcome == NO_SCOPE and not row.has_scope else outcome


class TestTable:
    def test_is_what_is_declared(self) -> None:
        was, now = written(published()), written(declared())
        assert now == was, "what is published changes: if that is meant, run python -m tests.api.endpoint_access"

    def test_each_module_of_endpoints_is_listed(self) -> None:
        folder = Path(endpoints.__file__).parent
        names = {path.stem for path in folder.glob("*.py")} - {
            "__init__",
            "histories",
        }  # the latter declares for others
        listed = {one.__name__.rpartition(".")[2] for one in endpoints.MODULES}
        assert listed == names
        assert all(endpoints_of([module]) for module in endpoints.MODULES)

    def test_the_brands_own_endpoints_need_a_scope_and_no_shoppers_does(self) -> None:
        assert [row.name for row in ROWS if row.access in {"brand", "party"} and not row.has_scope] == []
        assert [row.name for row in ROWS if row.access in {"anybody", "shopper"} and row.has_scope] == []


class TestAccess:
    @pytest.mark.parametrize("caller", EXPECTED)
    def test_every_endpoint_answers_as_published(self, front: Front, caller: str) -> None:
        client, callers = Client(), Callers(front)
        if caller == "staff's session":
            client.force_login(User.objects.create_superuser("operator", password="x" * 20))
        found = {row.name: outcome_of(row, callers.headers(caller, row), client) for row in ROWS}
        assert found == {row.name: expected_of(row, caller) for row in ROWS}

    def test_an_if_match_is_taken_where_it_is_published(self, front: Front) -> None:
        callers, client = Callers(front), Client()
        found = {}
        for row in (row for row in ROWS if row.method != "GET" and row.access != "anybody"):
            headers = callers.headers("shopper by a secret key with the scope", row)
            said = {"Content-Type": "application/json", "If-Match": "no tag", **headers}
            response = client.generic(row.method, path_of(row), "{", content_type="", headers=said)
            found[row.name] = "If-Match" if response.status_code == 412 else "-"
        assert found == {name: row.if_match for row in ROWS if (name := row.name) in found}
        assert set(found.values()) == {"If-Match", "-"}

    def test_an_idempotency_key_is_taken_where_it_is_published(self, front: Front) -> None:
        callers, client = Callers(front), Client()
        for row in (row for row in ROWS if row.idempotency_key != "-"):
            headers = callers.headers("shopper by a secret key with the scope", row)
            if row.access == "brand":
                headers = callers.headers("secret key with the scope", row)
            if row.access == "operator":
                headers = callers.headers("operator's key with the scope", row)
            for key in (" ", *((None,) if row.idempotency_key == "required" else ())):
                said = {"Content-Type": "application/json", **headers, **({"Idempotency-Key": key} if key else {})}
                response = client.generic(row.method, path_of(row), example_of(row), content_type="", headers=said)
                code = "idempotency_key_invalid" if key else "idempotency_key_required"
                assert (response.status_code, response.json()["code"]) == (422, code), row.name
