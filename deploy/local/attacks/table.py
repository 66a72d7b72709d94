"""The whole attack table, group by group."""

from collections.abc import Iterator
from typing import Final

from deploy.local.attacks.commands import COMMAND_GROUP
from deploy.local.attacks.endpoints import ENDPOINT_GROUP
from deploy.local.attacks.means import Group
from deploy.local.attacks.pages import PAGE_GROUP
from deploy.local.attacks.resources import RESOURCE_GROUP
from deploy.local.attacks.tasks import TASK_GROUP

GROUPS: Final[tuple[Group, ...]] = (ENDPOINT_GROUP, PAGE_GROUP, TASK_GROUP, RESOURCE_GROUP, COMMAND_GROUP)


def find_gaps() -> Iterator[str]:
    """Iterate over what the table lacks, each as a sentence that states what to add or to remove."""
    for group in GROUPS:
        yield from group.gaps()
