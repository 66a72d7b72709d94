"""The second factor: codes of an app and recovery codes, each of which works once. No secret can be read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.core.management import CommandError, call_command

from apps.tenancy import second_factors
from apps.tenancy.models import RecoveryCode, SecondFactor, User
from apps.tenancy.second_factors import SecondFactorCodeRefused

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)
SECRET = b"12345678901234567890"  # RFC 6238, appendix B


@pytest.fixture(autouse=True)
def kim(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_user(username="kim@brand.example", is_staff=True)


def code_at(moment: datetime, secret: bytes = SECRET) -> str:
    return TOTP(secret, 6, SHA1(), 30).generate(int(moment.timestamp())).decode()  # noqa: S303 - as apps do


def enrol(user: User, secret: bytes = SECRET) -> Sequence[str]:
    return second_factors.enrol(user=user, secret=secret, code=code_at(NOW, secret), now=NOW)


def verify(user: User, code: str, *, now: datetime = NOW) -> bool:
    return second_factors.verify(user=user, code=code, now=now)


class TestAppCode:
    def test_is_the_one_of_the_standard(self, kim: User) -> None:
        at = datetime.fromtimestamp(1111111109, UTC)
        second_factors.enrol(user=kim, secret=SECRET, code="081804", now=at)  # RFC 6238: 07081804
        assert SecondFactor.objects.filter(user=kim).exclude(secret="").exists()

    @pytest.mark.parametrize("code", ["000000", "", "12345", "1234567", "abcdef", "٠٨١٨٠٤", "\ud800" * 6])
    def test_that_is_wrong_enrols_nobody(self, kim: User, code: str) -> None:
        with pytest.raises(SecondFactorCodeRefused):
            second_factors.enrol(user=kim, secret=SECRET, code=code, now=datetime.fromtimestamp(1111111109, UTC))
        assert not SecondFactor.objects.exists()

    def test_works_once(self, kim: User) -> None:
        enrol(kim)
        assert not verify(kim, code_at(NOW))  # enrolled with it
        later = NOW + 10 * STEP
        assert verify(kim, code_at(later), now=later)
        assert not verify(kim, code_at(later), now=later)
        assert not verify(kim, code_at(later - STEP), now=later)

    @pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_may_be_a_step_off(self, kim: User, steps: int, accepted: bool) -> None:  # noqa: FBT001 - a table
        enrol(kim)
        later = NOW + 10 * STEP
        assert verify(kim, code_at(later + steps * STEP), now=later) is accepted

    def test_is_read_as_people_type_it(self, kim: User) -> None:
        enrol(kim)
        later = NOW + 10 * STEP
        code = code_at(later)
        assert verify(kim, f" {code[:3]} {code[3:]}\t", now=later)

    def test_of_another_user_is_refused(self, kim: User) -> None:
        other = User.objects.create_user(username="robin@brand.example", is_staff=True)
        codes = enrol(kim)
        enrol(other, b"another secret, 20 b")
        later = NOW + 10 * STEP
        assert not verify(other, code_at(later), now=later)
        assert not verify(other, codes[0])


class TestRecoveryCode:
    def test_works_once(self, kim: User) -> None:
        codes = enrol(kim)
        assert len(set(codes)) == second_factors.RECOVERY_CODES
        assert verify(kim, f" {codes[0].lower()} ")
        assert not verify(kim, codes[0])
        assert verify(kim, codes[1].replace("-", ""))

    @pytest.mark.parametrize("code", ["", "-", "AAAAA-AAAAA", "\ud800", "x" * 5000])
    def test_that_is_made_up_is_refused(self, kim: User, code: str) -> None:
        enrol(kim)
        assert not verify(kim, code)

    def test_ends_with_another_enrolment(self, kim: User) -> None:
        first, second = enrol(kim), enrol(kim, b"another secret, 20 b")
        assert not verify(kim, first[0])
        assert verify(kim, second[0])


class TestStorage:
    def test_has_no_secret_and_no_code_that_can_be_read(self, kim: User) -> None:
        codes = enrol(kim)
        stored = f"{list(SecondFactor.objects.values())} {list(RecoveryCode.objects.values())}"
        for text in (SECRET.decode(), second_factors.typed_secret(SECRET), SECRET.hex(), *codes):
            assert text not in stored
            assert text.replace("-", "") not in stored


class TestReset:
    def test_removes_the_factor_and_changes_the_sessions_hash(
        self, kim: User, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        hashes = [kim.get_session_auth_hash()]
        codes = enrol(kim)
        hashes.append(User.objects.get(pk=kim.pk).get_session_auth_hash())
        call_command("reset_second_factor", "Kim@Brand.example")
        assert kim.staff_id in capsys.readouterr().out
        after = User.objects.get(pk=kim.pk)
        assert len({*hashes, after.get_session_auth_hash()}) == 3
        assert not after.has_second_factor
        assert not verify(after, codes[0])
        line = caplog.records[-1]
        assert (line.message, vars(line)["row"], vars(line)["by"]) == ("second factor reset", kim.staff_id, "command")

    def test_of_nobody_is_an_error(self) -> None:
        with pytest.raises(CommandError, match="account_not_found"):
            call_command("reset_second_factor", "nobody")
