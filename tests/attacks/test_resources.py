"""Every attack on a tenant's AWS account, as the table has it, on an engine that enforces IAM; each tenant attacks."""

import urllib.request
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest

from deploy.local.attacks import resources as table
from deploy.local.attacks.means import Attack
from deploy.local.attacks.resources import RESOURCE_GROUP
from resale.domain.tenants import Tenant
from tests.attacks.resource_attempts import Target
from tests.integration.actions import Action
from tests.integration.callers import REFUSED, Caller, assume, code_of
from tests.integration.forms import post_form, sign_form, status_of

Pair = tuple[Tenant, Tenant]
Outcomes = Iterator[tuple[str, str]]

#: Their own account is where a name is looked for, and the victim's is not there.
_ELSEWHERE = frozenset({"ResourceNotFoundException", "NotFoundException", "InvalidCiphertextException"})


class Attempts:
    """Everything that one tenant's callers try on a resource of the other."""

    def __init__(self, pair: Pair, callers: Mapping[str, Caller], ciphertext: bytes) -> None:
        self._mine, self._victim = pair
        self._callers = callers
        self._target = Target(self._victim, ciphertext)

    def calls(self, name: str, resource: str) -> Outcomes:
        refused = REFUSED | (_ELSEWHERE if name == table.ADMINISTRATOR.name else frozenset())
        calls = self._target.calls(resource, self._callers[name])
        yield from _ended(calls, refused, skipped=_read_publicly if name == table.ADMINISTRATOR.name else None)

    def own_account(self, resource: str) -> Outcomes:
        yield from _ended(self._target.named_calls(resource, self._callers[table.SESSION.name]), REFUSED)

    def role(self, resource: str) -> Outcomes:
        arn, tags = self._target.role_arn(resource), {"tenant": self._victim.slug}
        for name in (table.SESSION.name, table.ADMINISTRATOR.name):
            external_id = self._victim.external_id
            call = partial(assume, self._callers[name], arn, self._victim.region, external_id=external_id, tags=tags)
            yield from _ended(iter([(name, call)]), REFUSED)

    def upload_form(self, resource: str) -> Outcomes:
        session = self._callers[table.SESSION.name]
        yield "signed for the victim's bucket", str(post_form(sign_form(session, self._victim)))
        mine = sign_form(session, self._mine)
        bucket = self._target.bucket(resource)
        elsewhere = mine["url"].replace(self._mine.resources.media_bucket, bucket)
        assert bucket in elsewhere
        yield "of the attacker's bucket, sent to the victim's", str(post_form(mine, url=elsewhere))

    def link(self, resource: str) -> Outcomes:
        s3 = self._callers[table.SESSION.name].client("s3", self._victim.region)
        for key in ("originals/lst/med", "pending/a.webp", "exports/a.csv"):
            place = {"Bucket": self._target.bucket(resource), "Key": key}
            url = s3.generate_presigned_url("get_object", Params=place)
            yield key, str(status_of(urllib.request.Request(url)))  # noqa: S310 - our own engine over http


_BY_MEANS: Mapping[str, Callable[[Attempts, str], Outcomes]] = {
    table.OWN_ACCOUNT.name: Attempts.own_account,
    table.ROLE.name: Attempts.role,
    table.UPLOAD_FORM.name: Attempts.upload_form,
    table.LINK.name: Attempts.link,
}


def _ended(
    calls: Iterator[tuple[str, Action]],
    refused: frozenset[str] | set[str],
    skipped: Callable[[str], bool] | None = None,
) -> Outcomes:
    for name, call in calls:
        if skipped is None or not skipped(name):
            code = code_of(call)
            yield name, "refused" if code in refused else code


def _read_publicly(name: str) -> bool:
    """Whether a call reads a rendition: on one machine they are served to anyone who knows their hash."""
    return name.startswith("get ") and "renditions/" in name


@pytest.fixture
def attempts(
    attacker_and_victim: Pair, session: Caller, administrator: Caller, platform: Caller, victim_ciphertext: bytes
) -> Attempts:
    callers = {
        table.SESSION.name: session,
        table.ADMINISTRATOR.name: administrator,
        table.PLATFORM.name: platform,
    }
    return Attempts(attacker_and_victim, callers, victim_ciphertext)


def test_everything_of_the_victim_is_refused(attempts: Attempts) -> None:
    faults = [
        f"{attack}: {name}: {outcome}"
        for attack in RESOURCE_GROUP.attacks()
        for name, outcome in _outcomes(attempts, attack)
        if not attack.means.accepts(outcome)
    ]
    assert not faults, "\n".join(faults)


def _outcomes(attempts: Attempts, attack: Attack) -> Outcomes:
    found = _BY_MEANS.get(attack.means.name)
    outcomes = list(
        attempts.calls(attack.means.name, attack.surface) if found is None else found(attempts, attack.surface)
    )
    assert outcomes, f"{attack}: nothing was tried"
    yield from outcomes
