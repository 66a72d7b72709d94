"""Shoppers' tokens: forged, foreign, stale and good ones, against a real issuer over HTTP."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.exceptions import ValidationError
from django.test import Client

from apps.tenancy import models, registry
from apps.tenancy import tokens as tokens_module
from apps.tenancy.authentication import tokens
from apps.tenancy.errors import TokenExpired, TokenInvalid
from apps.tenancy.issuers import RETRY_SECONDS, Issuer
from apps.tenancy.tokens import Tokens
from deploy.local.issuer.keys import IssuerKeys
from deploy.local.issuer.server import IssuerServer
from tests.fixtures.tenants import Shop, open_shop

#: No moment, or none that a token can mean.
MOMENTS = (1e400, -1e400, 1e300, float("nan"), "1", "soon", -1, 10**30, -(10**30), True, [1], {"at": 1}, None)

pytestmark = pytest.mark.usefixtures("_base_api")


@pytest.fixture
def issuers(tmp_path: Path) -> Iterator[IssuerServer]:
    """Issuers of each test's own, which it may break."""
    with IssuerServer(tmp_path / "issuers") as server:
        yield server


def ask(client: Client, shop: Shop, token: str, path: str = "/v1/shoppers") -> tuple[int, str]:
    """Ask with a token; the status, and the problem's code or the subject."""
    headers = {"X-API-Key": shop.publishable.text, "Authorization": f"Bearer {token}"}
    response = client.get(path, headers=headers)
    return response.status_code, response.json().get("code") or response.json()["subject"]


def forge(token: str, header: dict[str, str]) -> str:
    """Replace a token's header and drop its signature."""
    encoded = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return ".".join([encoded, token.split(".")[1], ""])


def claims_of(token: str) -> bytes:
    """Read what a token says."""
    return json.dumps(jwt.decode(token, options={"verify_signature": False})).encode()


def resigned(shop: Shop, claim: str, value: object, *, written: str | None = None) -> str:
    """Sign a good token's claims with another value for one, or another text in the value's place."""
    claims = json.dumps({**json.loads(claims_of(shop.token())), claim: value})
    return signed(shop, (claims if written is None else claims.replace(json.dumps(value), written)).encode())


def signed(shop: Shop, payload: bytes, header: Mapping[str, object] | None = None) -> str:
    """Sign any payload under any header as a shop's issuer."""
    kid, key = IssuerKeys(shop.issuer_keys, shop.tenant.slug).signing_key()
    said = {"alg": "ES256", "kid": kid, **(header or {})}
    parts = [urlsafe_b64encode(part).rstrip(b"=") for part in (json.dumps(said).encode(), payload)]
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    signature = algorithm.sign(b".".join(parts), key)
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


class TestGoodTokens:
    def test_names_the_shopper(self, client: Client, northwind: Shop) -> None:
        assert ask(client, northwind, northwind.token("jo")) == (200, "jo")

    def test_may_list_several_audiences(self, client: Client, northwind: Shop) -> None:
        token = northwind.token("jo", claims={"aud": ["other", northwind.tenant.oidc_audience]})
        assert ask(client, northwind, token) == (200, "jo")

    def test_is_an_access_token_by_any_of_its_names(self, client: Client, northwind: Shop) -> None:
        for header in ({}, *({"typ": kind} for kind in ("JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"))):
            token = signed(northwind, claims_of(northwind.token("jo")), header)
            assert ask(client, northwind, token) == (200, "jo"), header

    def test_is_not_asked_for_where_none_is_needed(self, client: Client, northwind: Shop) -> None:
        response = client.get("/v1/who", headers={"X-API-Key": northwind.publishable.text})
        assert response.json()["shopper"] is None

    def test_is_asked_for_where_it_is_needed(self, client: Client, northwind: Shop) -> None:
        response = client.get("/v1/shoppers", headers={"X-API-Key": northwind.publishable.text})
        assert (response.status_code, response.json()["code"]) == (401, "token_missing")


class TestBadTokens:
    def test_refuses_alg_none(self, client: Client, northwind: Shop) -> None:
        kid, _ = IssuerKeys(northwind.issuer_keys, "northwind").signing_key()
        for alg in ("none", "None", "NONE"):
            forged = forge(northwind.token(), {"alg": alg, "typ": "JWT", "kid": kid})
            assert ask(client, northwind, forged) == (401, "token_invalid")

    def test_refuses_the_public_key_as_a_shared_secret(self, client: Client, northwind: Shop) -> None:
        kid, key = IssuerKeys(northwind.issuer_keys, "northwind").signing_key()
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        unsigned = forge(northwind.token(), {"alg": "HS256", "kid": kid}).rstrip(".")
        signature = urlsafe_b64encode(hmac.digest(public, unsigned.encode(), "sha256")).rstrip(b"=").decode()
        forged = f"{unsigned}.{signature}"
        assert ask(client, northwind, forged) == (401, "token_invalid")

    def test_refuses_another_key_under_a_known_id(self, client: Client, northwind: Shop) -> None:
        kid, _ = IssuerKeys(northwind.issuer_keys, "northwind").signing_key()
        claims = jwt.decode(northwind.token(), options={"verify_signature": False})
        forged = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": kid})
        assert ask(client, northwind, forged) == (401, "token_invalid")

    def test_refuses_another_algorithm_than_the_keys(self, client: Client, northwind: Shop) -> None:
        kid, _ = IssuerKeys(northwind.issuer_keys, "northwind").signing_key()
        claims = jwt.decode(northwind.token(), options={"verify_signature": False})
        forged = jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": kid})
        assert ask(client, northwind, forged) == (401, "token_invalid")

    def test_never_reads_a_key_the_token_brings(self, client: Client, northwind: Shop) -> None:
        own = ec.generate_private_key(ec.SECP256R1())
        claims = jwt.decode(northwind.token(), options={"verify_signature": False})
        brought = {"jwk": jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True), "kid": "mine"}
        forged = jwt.encode(claims, own, algorithm="ES256", headers={**brought, "jku": "http://127.0.0.1:9/x"})
        assert ask(client, northwind, forged) == (401, "token_invalid")

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "another-shop"},
            {"aud": None},
            {"iss": "https://elsewhere.example"},
            {"iss": None},
            {"sub": None},
            {"sub": ""},
            {"sub": "s" * 256},
            {"sub": 7},
            {"exp": None},
            {"exp": "soon"},
            {"exp": 1e400},
            {"nbf": int(time.time()) + 3600},
            {"iat": int(time.time()) + 3600},
        ],
    )
    def test_refuses_claims_that_are_not_ours(self, client: Client, northwind: Shop, claims: dict[str, object]) -> None:
        assert ask(client, northwind, northwind.token(claims=claims)) == (401, "token_invalid")

    def test_refuses_claims_of_another_form(self, client: Client, northwind: Shop) -> None:
        forms = {
            "sub": ("jo\ud800", "jo\x00", "jo\nann", "  ", ["jo"], {"jo": 1}, True),
            "iss": (["https://elsewhere.example"], "https://elsewhere.example/\udfff", 7, ""),
            "aud": ([], [7, None], {"northwind-shop": 1}, "\ud800", 7, [["northwind-shop"]]),
            **dict.fromkeys(("exp", "nbf", "iat"), MOMENTS),
        }
        taken = [
            (claim, value)
            for claim, values in forms.items()
            for value in values
            if ask(client, northwind, resigned(northwind, claim, value)) != (401, "token_invalid")
        ]
        assert not taken

    @pytest.mark.parametrize("written", ["1e400", "-1e400", "NaN", "0x1", "", "1" * 400])
    def test_refuses_moments_however_they_are_written(self, client: Client, northwind: Shop, written: str) -> None:
        for claim in ("exp", "nbf", "iat"):
            token = resigned(northwind, claim, "here", written=written)
            assert ask(client, northwind, token) == (401, "token_invalid")

    def test_refuses_a_payload_that_is_none(self, client: Client, northwind: Shop) -> None:
        for payload in (
            b"",
            b"[]",
            b"null",
            b'"jo"',
            b"{",
            b"\xff",
            b"[" * 3000,
            b'{"sub": "\xff"}',
            b"\xef\xbb\xbf{}",
        ):
            assert ask(client, northwind, signed(northwind, payload)) == (401, "token_invalid")

    def test_refuses_a_token_for_something_else(self, client: Client, northwind: Shop) -> None:
        kinds = ("logout+jwt", "dpop+jwt", "secevent+jwt", "application/entity-statement+jwt", "JOSE", "", 7, ["JWT"])
        critical: tuple[Mapping[str, object], ...] = ({"crit": ["exp"]}, {"crit": ["b64"], "b64": True}, {"crit": []})
        for header in (*({"typ": kind} for kind in kinds), *critical):
            token = signed(northwind, claims_of(northwind.token()), header)
            assert ask(client, northwind, token) == (401, "token_invalid"), header

    def test_refuses_an_expired_one(self, client: Client, northwind: Shop) -> None:
        expired = northwind.token(lifetime=timedelta(seconds=-1))
        assert ask(client, northwind, expired) == (401, "token_expired")

    def test_refuses_the_other_tenants(self, client: Client, northwind: Shop, atelier: Shop) -> None:
        assert ask(client, atelier, atelier.token("jo")) == (200, "jo")
        assert ask(client, northwind, atelier.token("jo")) == (401, "token_invalid")
        lying = atelier.token(issuer=northwind.tenant.oidc_issuer, audience=northwind.tenant.oidc_audience)
        assert ask(client, northwind, lying) == (401, "token_invalid")

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "a" * 9000, "eyJhbGciOiJFUzI1NiJ9.e30.x"])
    def test_refuses_what_is_no_token(self, client: Client, northwind: Shop, token: str) -> None:
        assert ask(client, northwind, token) == (401, "token_invalid")

    def test_refuses_another_scheme(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text, "Authorization": "Basic am86am8="}
        assert client.get("/v1/who", headers=headers).json()["code"] == "token_invalid"

    def test_refuses_a_bad_one_even_where_none_is_needed(self, client: Client, northwind: Shop) -> None:
        assert ask(client, northwind, "a.b.c", path="/v1/who") == (401, "token_invalid")


class TestIssuers:
    def test_accepts_a_key_that_was_rotated_in(self, client: Client, northwind: Shop) -> None:
        ours = IssuerKeys(northwind.issuer_keys, "northwind")
        assert ask(client, northwind, northwind.token("before")) == (200, "before")
        ours.rotate()
        tokens.issuers.get(northwind.tenant.oidc_issuer)._tried_at -= RETRY_SECONDS  # time passes
        assert ask(client, northwind, northwind.token("after")) == (200, "after")

    def test_asks_once_in_a_while_whatever_tokens_say(self, northwind: Shop) -> None:
        now = 1000.0
        issuer = Issuer(northwind.tenant.oidc_issuer, clock=lambda: now)
        keys = IssuerKeys(northwind.issuer_keys, "northwind")
        kid, _ = keys.signing_key()
        assert issuer.key(kid) is not None
        rotated = keys.rotate()
        now += RETRY_SECONDS - 1
        assert issuer.key(rotated) is None
        now += 1
        assert issuer.key(rotated) is not None

    def test_keeps_its_keys_while_it_is_down(self, northwind: Shop, issuers: IssuerServer) -> None:
        now = 1000.0
        issuer = Issuer(northwind.tenant.oidc_issuer, clock=lambda: now)
        kid, _ = IssuerKeys(northwind.issuer_keys, "northwind").signing_key()
        issuer.key(kid)
        issuers.directory.rename(issuers.directory.with_name("gone"))
        Path(issuers.directory).write_text("in the way")  # every response is now an error
        now += 3600
        assert issuer.key(kid) is not None

    def test_says_later_when_it_never_answered(self, client: Client, northwind: Shop) -> None:
        token = northwind.token(issuer="http://127.0.0.1:9/nobody")
        record = northwind.tenant.oidc_issuer
        models.Tenant.objects.filter(oidc_issuer=record).update(oidc_issuer="http://127.0.0.1:9/nobody")
        registry.clear()
        headers = {"X-API-Key": northwind.publishable.text, "Authorization": f"Bearer {token}"}
        response = client.get("/v1/shoppers", headers=headers)
        assert (response.status_code, response.json()["code"]) == (503, "issuer_unavailable")
        assert response["Retry-After"] == "10"


class TestRemembering:
    def test_remembers_no_longer_than_the_token_lives(self, northwind: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        ours = Tokens()
        token = northwind.token(lifetime=timedelta(seconds=5))
        ours.verify(token, northwind.tenant)
        later = time.time() + 6
        monkeypatch.setattr(time, "time", lambda: later)
        with pytest.raises(TokenExpired):
            ours.verify(token, northwind.tenant)

    def test_remembers_for_one_audience_only(self, northwind: Shop, atelier: Shop) -> None:
        ours = Tokens()
        token = northwind.token()
        ours.verify(token, northwind.tenant)
        with pytest.raises(TokenInvalid):
            ours.verify(token, atelier.tenant)

    def test_is_bounded(self, northwind: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens_module, "_MAX_REMEMBERED", 3)
        ours = Tokens()
        for number in range(6):
            ours.verify(northwind.token(f"shopper-{number}"), northwind.tenant)
        assert len(ours) == 3


def test_two_tenants_cannot_share_an_audience(northwind: Shop, issuers: IssuerServer) -> None:
    taken = {"oidc_issuer": northwind.tenant.oidc_issuer, "oidc_audience": northwind.tenant.oidc_audience}
    with pytest.raises(ValidationError):
        open_shop("third", "333333333333", issuers, **taken)
