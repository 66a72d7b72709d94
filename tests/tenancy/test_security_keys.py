"""Security keys: what proves one, what does not, and what a change of them does. The key is software."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import connection
from pytest_django import Settings

from apps.tenancy import second_factors, security_keys
from apps.tenancy.models import RecoveryCode, SecondFactor, SecurityKey, User
from apps.tenancy.security_keys import (
    MOST_KEYS,
    Challenge,
    RelyingParty,
    SecondFactorNeeded,
    SecurityKeyNameTaken,
    SecurityKeyNotFound,
    SecurityKeyRefused,
    TooManySecurityKeys,
)
from tests.fixtures.authenticators import Authenticator, bytes_of

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
PARTY = RelyingParty(id="admin.example", origin="https://admin.example")


@pytest.fixture(autouse=True)
def kim(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_user(username="kim@brand.example", is_staff=True)


@pytest.fixture
def robin(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_user(username="robin@brand.example", is_staff=True)


def a_key(**fields: object) -> Authenticator:
    return Authenticator(origin=PARTY.origin, **fields)  # type: ignore[arg-type]  # the fields of an authenticator


def challenge_of(user: User) -> Challenge:
    return security_keys.begin_registration(user=user, party=PARTY)


def register(user: User, key: Authenticator, name: str = "Blue key") -> Sequence[str]:
    challenge = challenge_of(user)
    return save(user, challenge, key.create(challenge.options), name)


def save(user: User, challenge: Challenge, response: str, name: str = "Blue key") -> Sequence[str]:
    return security_keys.register(user=user, party=PARTY, state=challenge.state, response=response, name=name, now=NOW)


def begin(user: User) -> Challenge:
    return security_keys.begin_sign_in(user=user, party=PARTY)


def verify(user: User, challenge: Challenge, response: str, *, now: datetime = NOW) -> bool:
    return security_keys.verify(user=user, party=PARTY, state=challenge.state, response=response, now=now)


def sign_in(user: User, key: Authenticator, **changes: object) -> bool:
    challenge = begin(user)
    return verify(user, challenge, key.get(challenge.options, **changes))


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


class TestRelyingParty:
    @pytest.mark.parametrize(
        ("url", "party"),
        [
            ("https://admin.example", RelyingParty("admin.example", "https://admin.example")),
            ("https://Admin.example:443/", RelyingParty("admin.example", "https://admin.example")),
            ("https://admin.example:8443", RelyingParty("admin.example", "https://admin.example:8443")),
            ("http://localhost:8000", RelyingParty("localhost", "http://localhost:8000")),
            ("http://127.0.0.1:8000", None),
            ("http://[::1]:8000", None),
            ("nonsense", None),
        ],
    )
    def test_is_the_public_address(self, url: str, party: RelyingParty | None, settings: Settings) -> None:
        settings.ADMIN_URL = url
        assert security_keys.relying_party() == party


class TestRegistration:
    def test_stores_the_public_key_and_returns_recovery_codes_once(self, kim: User) -> None:
        key = a_key()
        assert len(register(kim, key)) == second_factors.RECOVERY_CODES
        assert register(kim, a_key(), "Laptop") == ()
        first, second = security_keys.list_keys(kim)
        assert [first.name, second.name] == ["Blue key", "Laptop"]
        assert bytes_of(first.credential_id) == key.credential_id
        assert fresh(kim).has_second_factor
        assert fresh(kim).has_security_keys

    def test_names_the_user_by_an_id_and_excludes_the_keys_there_are(self, kim: User) -> None:
        key = a_key()
        register(kim, key)
        options = json.loads(challenge_of(kim).options)
        assert bytes_of(options["user"]["id"]).decode() == kim.staff_id
        assert [bytes_of(one["id"]) for one in options["excludeCredentials"]] == [key.credential_id]
        assert options["rp"]["id"] == PARTY.id
        assert options["attestation"] == "none"
        assert options["authenticatorSelection"]["userVerification"] == "preferred"

    @pytest.mark.parametrize(
        "key",
        [
            a_key(algorithm=-65535),
            a_key(algorithm=-35),
            a_key(cross_origin=True),
            a_key(flags=0),
            a_key(credential_id=b"x" * 1024),
            a_key(credential_id=b""),
            replace(a_key(), origin="https://admin.example.evil.example"),
            replace(a_key(), origin="https://sub.admin.example"),
            replace(a_key(), origin="http://admin.example"),
        ],
        ids=["unknown algorithm", "not offered", "frame", "absent", "long id", "no id", "host", "subdomain", "http"],
    )
    def test_refuses_what_does_not_fit(self, kim: User, key: Authenticator) -> None:
        with pytest.raises(SecurityKeyRefused):
            register(kim, key)
        assert not SecurityKey.objects.exists()

    def test_refuses_a_response_to_another_challenge(self, kim: User) -> None:
        seen = a_key().create(challenge_of(kim).options)
        with pytest.raises(SecurityKeyRefused):
            save(kim, challenge_of(kim), seen)

    def test_refuses_a_response_of_a_sign_in(self, kim: User) -> None:
        key = a_key()
        register(kim, key)
        challenge = begin(kim)
        with pytest.raises(SecurityKeyRefused):
            save(kim, challenge, key.get(challenge.options), "Other")

    def test_refuses_a_relying_party_that_is_not_ours(self, kim: User) -> None:
        challenge = challenge_of(kim)
        foreign = json.loads(challenge.options) | {"rp": {"id": "evil.example"}}
        with pytest.raises(SecurityKeyRefused):
            save(kim, challenge, a_key().create(json.dumps(foreign)))

    def test_refuses_a_key_that_an_account_has(self, kim: User, robin: User) -> None:
        key = a_key()
        register(kim, key)
        for user in (kim, robin):
            with pytest.raises(SecurityKeyRefused):
                register(user, key, "Again")
        assert not fresh(robin).has_second_factor

    def test_refuses_a_name_that_the_user_has(self, kim: User, robin: User) -> None:
        register(kim, a_key())
        with pytest.raises(SecurityKeyNameTaken):
            register(kim, a_key())
        register(robin, a_key())

    def test_is_bounded(self, kim: User) -> None:
        for number in range(MOST_KEYS):
            register(kim, a_key(), f"Key {number}")
        with pytest.raises(TooManySecurityKeys):
            register(kim, a_key(), "One more")
        assert len(security_keys.list_keys(kim)) == MOST_KEYS


class TestSignIn:
    def test_with_a_key_of_the_user_is_recorded(self, kim: User) -> None:
        blue, laptop = a_key(), a_key(sign_count=None)
        register(kim, blue)
        register(kim, laptop, "Laptop")
        later = NOW + timedelta(days=1)
        challenge = begin(kim)
        assert verify(kim, challenge, laptop.get(challenge.options), now=later)
        first, second = security_keys.list_keys(kim)
        assert (first.last_used_at, second.last_used_at) == (None, later)
        assert sign_in(kim, blue)
        assert sign_in(kim, blue)
        assert sign_in(kim, laptop)

    def test_asks_for_the_keys_of_the_user_alone(self, kim: User, robin: User) -> None:
        key = a_key()
        register(kim, key)
        register(robin, a_key())
        options = json.loads(begin(kim).options)
        assert [bytes_of(one["id"]) for one in options["allowCredentials"]] == [key.credential_id]
        assert options["rpId"] == PARTY.id
        assert options["timeout"] == 300_000

    @pytest.mark.parametrize(
        "changes",
        [
            {"origin": "https://admin.example.evil.example"},
            {"origin": "https://sub.admin.example"},
            {"origin": "https://admin.example:8443"},
            {"origin": None},
            {"type": "webauthn.create"},
            {"crossOrigin": True},
            {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
            {"challenge": ""},
        ],
        ids=lambda changes: " ".join(map(str, next(iter(changes.items())))),
    )
    def test_refuses_a_response_to_something_else(self, kim: User, changes: dict[str, object]) -> None:
        key = a_key()
        register(kim, key)
        assert not sign_in(kim, key, **changes)
        assert sign_in(kim, key)

    def test_refuses_a_response_for_another_relying_party(self, kim: User) -> None:
        key = a_key()
        register(kim, key)
        challenge = begin(kim)
        asked = json.loads(challenge.options)["challenge"]
        assert not verify(kim, challenge, key.sign("example", asked))

    def test_refuses_a_response_that_was_used(self, kim: User) -> None:
        for key in (a_key(), a_key(sign_count=None)):
            register(kim, key, f"Key {key.sign_count}")
            challenge = begin(kim)
            response = key.get(challenge.options)
            assert verify(kim, challenge, response)
            assert not verify(kim, begin(kim), response)

    def test_refuses_the_key_of_another_user(self, kim: User, robin: User) -> None:
        key = a_key()
        register(robin, key)
        register(kim, a_key())
        challenge = begin(kim)
        response = key.sign(PARTY.id, json.loads(challenge.options)["challenge"])
        assert not verify(kim, challenge, response)

    def test_refuses_a_key_that_names_another_user(self, kim: User, robin: User) -> None:
        key = a_key()
        register(kim, key)
        key.user_handle = robin.staff_id.encode()
        assert not sign_in(kim, key)
        key.user_handle = kim.staff_id.encode()
        assert sign_in(kim, key)

    def test_refuses_another_key_under_the_id_of_one(self, kim: User) -> None:
        key = a_key()
        register(kim, key)
        assert not sign_in(kim, a_key(credential_id=key.credential_id, sign_count=10))

    def test_refuses_without_the_users_presence(self, kim: User) -> None:
        key = a_key()
        register(kim, key)
        key.flags = 0
        assert not sign_in(kim, key)

    @pytest.mark.parametrize("back_to", [0, 1, 4, 5])
    def test_refuses_a_counter_that_went_back(self, kim: User, back_to: int, caplog: pytest.LogCaptureFixture) -> None:
        key = a_key()
        register(kim, key)
        for _ in range(4):
            assert sign_in(kim, key)
        assert key.sign_count == 5
        copy = replace(key, sign_count=back_to - 1 if back_to else None)
        assert not sign_in(kim, copy)
        assert "security key counter went back" in caplog.messages
        assert sign_in(kim, key)

    @pytest.mark.parametrize(
        "response", ["", "null", "[]", "{}", "{", '{"rawId": 1}', "[" * 5000, '{"a":' * 3000, "x" * 20_000]
    )
    def test_refuses_what_is_no_response(self, kim: User, response: str) -> None:
        key = a_key()
        register(kim, key)
        assert not verify(kim, begin(kim), response)
        with pytest.raises(SecurityKeyRefused):
            save(kim, challenge_of(kim), response, "Other")

    def test_refuses_every_damaged_response(self, kim: User) -> None:
        key, chance = a_key(), random.Random(1)  # noqa: S311 - damage, not secrets
        register(kim, key)
        for _ in range(60):
            signing, registering = begin(kim), challenge_of(kim)
            damaged = _damage(key.get(signing.options), chance)
            assert not verify(kim, signing, damaged), damaged
            other = a_key().create(registering.options)
            broken = _damage(other, chance, within="attestationObject")
            try:  # what is left of a key may be one
                save(kim, registering, broken, "Other")
            except SecurityKeyRefused:
                continue
            (made,) = SecurityKey.objects.filter(name="Other")
            security_keys.remove(user=kim, key_id=made.id)


class TestRecoveryCodes:
    def test_work_for_a_user_with_keys_alone(self, kim: User) -> None:
        codes = register(kim, a_key())
        assert not second_factors.verify(user=kim, code="123456", now=NOW)
        assert second_factors.verify(user=kim, code=codes[0], now=NOW)
        assert not second_factors.verify(user=kim, code=codes[0], now=NOW)


class TestEarlierRelease:
    """A process that knows no security keys: it looks for a secret, and takes each secret for an app's."""

    def test_has_a_secret_to_look_for_that_no_app_has(self, kim: User) -> None:
        codes = register(kim, a_key())
        factor = SecondFactor.objects.get(user=kim)
        assert factor.secret
        assert not second_factors.has_app(factor)
        secret = second_factors.decrypt_secret(factor.secret)
        code = TOTP(secret, 6, SHA1(), 30).generate(int(NOW.timestamp())).decode()  # noqa: S303 - as apps do
        assert not second_factors.verify(user=kim, code=code, now=NOW)
        assert second_factors.verify(user=kim, code=codes[0], now=NOW)

    def test_secret_differs_by_user_and_ends_with_the_last_key(self, kim: User, robin: User) -> None:
        register(kim, a_key())
        register(robin, a_key())
        mine, other = (second_factors.decrypt_secret(one.secret) for one in SecondFactor.objects.all())
        assert mine != other
        security_keys.remove(user=kim, key_id=security_keys.list_keys(kim)[0].id)
        assert SecondFactor.objects.get(user=kim).secret == ""

    def test_secret_of_an_app_is_kept_and_takes_its_place(self, kim: User) -> None:
        register(kim, a_key())
        for name in ("second", "third"):
            code = TOTP(SECRET, 6, SHA1(), 30).generate(int(NOW.timestamp())).decode()  # noqa: S303 - as apps do
            second_factors.enrol(user=kim, secret=SECRET, code=code, now=NOW)
            register(kim, a_key(), name)
            factor = SecondFactor.objects.get(user=kim)
            assert second_factors.has_app(factor)
            assert second_factors.decrypt_secret(factor.secret) == SECRET

    def test_can_insert_a_factor(self, kim: User) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO tenancy_secondfactor (user_id, secret, last_step, changes) VALUES (%s, '', 0, 0)", [kim.pk]
            )
        assert SecondFactor.objects.get(user=kim).security_key_count == 0


class TestRemoval:
    def test_ends_the_key(self, kim: User) -> None:
        blue, laptop = a_key(), a_key()
        register(kim, blue)
        register(kim, laptop, "Laptop")
        challenge = begin(kim)
        response = blue.get(challenge.options)
        security_keys.remove(user=kim, key_id=security_keys.list_keys(kim)[0].id)
        assert not verify(kim, challenge, response)
        assert sign_in(kim, laptop)

    def test_of_the_last_ends_the_recovery_codes(self, kim: User) -> None:
        codes = register(kim, a_key())
        security_keys.remove(user=kim, key_id=security_keys.list_keys(kim)[0].id)
        assert not fresh(kim).has_second_factor
        assert not RecoveryCode.objects.exists()
        assert not second_factors.verify(user=kim, code=codes[0], now=NOW)

    def test_of_the_last_is_refused_where_one_is_needed(self, kim: User, settings: Settings) -> None:
        register(kim, a_key())
        settings.STAFF_MFA_REQUIRED, kim.is_superuser = True, True
        key = security_keys.list_keys(kim)[0]
        with pytest.raises(SecondFactorNeeded):
            security_keys.remove(user=kim, key_id=key.id)
        register(kim, a_key(), "Laptop")
        security_keys.remove(user=kim, key_id=key.id)
        assert fresh(kim).has_second_factor

    def test_of_another_users_key_is_not_found(self, kim: User, robin: User) -> None:
        register(robin, a_key())
        with pytest.raises(SecurityKeyNotFound):
            security_keys.remove(user=kim, key_id=security_keys.list_keys(robin)[0].id)
        assert security_keys.list_keys(robin)


class TestSessions:
    def test_end_with_each_change(self, kim: User) -> None:
        hashes = [fresh(kim).get_session_auth_hash()]
        register(kim, a_key())
        hashes.append(fresh(kim).get_session_auth_hash())
        register(kim, a_key(), "Laptop")
        hashes.append(fresh(kim).get_session_auth_hash())
        security_keys.remove(user=kim, key_id=security_keys.list_keys(kim)[0].id)
        hashes.append(fresh(kim).get_session_auth_hash())
        second_factors.reset(user=kim)
        hashes.append(fresh(kim).get_session_auth_hash())
        assert len(set(hashes)) == 5
        assert not security_keys.list_keys(kim)
        assert not fresh(kim).has_second_factor

    def test_do_not_end_with_a_sign_in(self, kim: User) -> None:
        key = a_key()
        register(kim, key)
        before = fresh(kim).get_session_auth_hash()
        assert sign_in(kim, key)
        assert fresh(kim).get_session_auth_hash() == before


def _damage(response: str, chance: random.Random, *, within: str = "") -> str:
    """Change one character of what was signed or of the signature."""
    whole = json.loads(response)
    name = within or chance.choice(["clientDataJSON", "authenticatorData", "signature"])
    text = whole["response"][name]
    at = chance.randrange(len(text) - 2)  # the last characters can have bits that mean nothing
    other = chance.choice([one for one in "ABCDEFGHabcdefgh0123456789-_" if one != text[at]])
    whole["response"][name] = f"{text[:at]}{other}{text[at + 1 :]}"
    return json.dumps(whole)
