"""Every attack of one shop on another, as the table has it: refused or the attacker's own; logged; nothing changed."""

from collections.abc import Iterable, Iterator

import pytest

from deploy.local.attacks.commands import COMMAND_GROUP
from deploy.local.attacks.endpoints import ENDPOINT_GROUP
from deploy.local.attacks.means import Attack, Group, Means
from deploy.local.attacks.pages import PAGE_GROUP
from deploy.local.attacks.tasks import TASK_GROUP
from tests.attacks import command_attempts, endpoint_attempts, page_attempts
from tests.attacks.attempts import Watch
from tests.attacks.page_attempts import Staff
from tests.attacks.parties import Attacker, Victim
from tests.attacks.task_attempts import Messages

pytestmark = pytest.mark.django_db  # within the transaction of the module


def rows_of(group: Group, means: Means) -> Iterator[Attack]:
    return (attack for attack in group.attacks() if attack.means.name == means.name)


class TestEachAttack:
    """All of the victim's data is compared before and after each kind of attack."""

    @pytest.fixture
    def watch(self, victim: Victim, caplog: pytest.LogCaptureFixture) -> Watch:
        return Watch(victim, caplog)

    @pytest.mark.parametrize("means", ENDPOINT_GROUP.means, ids=lambda means: means.name)
    def test_on_an_endpoint(self, attacker: Attacker, victim: Victim, watch: Watch, means: Means) -> None:
        before = victim.account.contents()
        faults = (
            watch.faults(attack, endpoint_attempts.attempt(attacker, victim, attack.surface, attack.means.name))
            for attack in rows_of(ENDPOINT_GROUP, means)
        )
        assert not _texts(faults)
        assert victim.account.contents() == before

    @pytest.mark.parametrize("means", PAGE_GROUP.means, ids=lambda means: means.name)
    def test_on_a_page(self, staff: Staff, victim: Victim, watch: Watch, means: Means) -> None:
        before = victim.account.contents()
        faults = (
            watch.faults(attack, page_attempts.attempt(staff, victim, attack.surface, attack.means.name))
            for attack in rows_of(PAGE_GROUP, means)
        )
        assert not _texts(faults)
        assert victim.account.contents() == before

    def test_by_a_message(self, attacker: Attacker, victim: Victim, caplog: pytest.LogCaptureFixture) -> None:
        before, messages = victim.account.contents(), Messages(attacker, victim, caplog)
        assert not _texts(messages.faults(attack) for attack in TASK_GROUP.attacks())
        assert victim.account.contents() == before

    def test_by_a_command(self, attacker: Attacker, victim: Victim) -> None:
        before = victim.account.contents()
        faults = (command_attempts.faults_of(attack, attacker, victim) for attack in COMMAND_GROUP.attacks())
        assert not _texts(faults)
        assert victim.account.contents() == before


def _texts(faults: Iterable[Iterator[str]]) -> str:
    """Return the faults of all rows, one a line."""
    return "\n".join(fault for found in faults for fault in found)
