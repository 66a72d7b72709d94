"""The table of reactions: whatever follows a change can be sent, and its task takes what is sent."""

import ast

import pytest

from resale.application.reactions import REACTIONS, TASKS, WAKES, tasks_after
from resale.domain import task_names
from resale.domain.changes import ChangeType
from tests.architecture.sources import Function, dotted, sources


def arguments_of_tasks() -> dict[str, list[str]]:
    """What each task of the workers takes; read, not imported: a task registers itself with every Celery app."""
    found = {}
    for source in sources("apps/workers/tasks/definitions.py", "apps/workers/tasks"):
        for function in (node for node in ast.walk(source.tree) if isinstance(node, Function)):
            for word in (
                word for item in function.decorator_list if isinstance(item, ast.Call) for word in item.keywords
            ):
                if word.arg == "name":
                    name = str(vars(task_names)[dotted(word.value)])
                    found[name] = [argument.arg for argument in function.args.kwonlyargs]
    return found


class TestReactions:
    def test_every_task_that_is_sent_has_a_route(self) -> None:
        followed = {name for names in REACTIONS.values() for name in names}
        assert followed | set(WAKES.values()) == TASKS.keys()

    def test_only_changes_that_happen_are_followed(self) -> None:
        assert REACTIONS.keys() <= set(ChangeType)

    @pytest.mark.parametrize("name", TASKS)
    def test_a_task_takes_the_argument_that_it_is_sent(self, name: str) -> None:
        assert arguments_of_tasks()[name] == list(TASKS[name].arguments)

    @pytest.mark.parametrize("change_type", REACTIONS)
    def test_an_id_names_task_entity_and_version(self, change_type: str) -> None:
        sent = tasks_after(change_type=change_type, entity_id="ord_1", version=3)
        assert [task.id for task in sent] == [f"{name}:ord_1:3" for name in REACTIONS[change_type]]
