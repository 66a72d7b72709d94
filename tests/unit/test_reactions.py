"""The table of reactions: whatever follows a change can be sent, and its task takes what is sent."""

import inspect

import pytest

from apps.workers import tasks
from apps.workers.base import TenantTask
from resale.application.reactions import CHANGE_TYPES, REACTIONS, TASKS, tasks_after

REGISTERED = {task.name: task for task in vars(tasks).values() if isinstance(task, TenantTask)}


class TestReactions:
    def test_every_task_that_follows_a_change_has_a_route(self) -> None:
        assert {name for names in REACTIONS.values() for name in names} <= TASKS.keys()

    def test_only_changes_that_happen_are_followed(self) -> None:
        assert REACTIONS.keys() <= CHANGE_TYPES

    @pytest.mark.parametrize("name", TASKS)
    def test_a_task_takes_the_argument_that_it_is_sent(self, name: str) -> None:
        assert list(inspect.signature(REGISTERED[name].run).parameters) == [TASKS[name].argument]

    @pytest.mark.parametrize("change_type", REACTIONS)
    def test_an_id_names_task_entity_and_version(self, change_type: str) -> None:
        sent = tasks_after(change_type=change_type, entity_id="ord_1", version=3)
        assert [task.id for task in sent] == [f"{name}:ord_1:3" for name in REACTIONS[change_type]]
