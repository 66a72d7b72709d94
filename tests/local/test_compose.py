"""``docker/compose.yaml``: every role as the task definition runs it, with all that production needs."""

import re
from typing import Any

import pytest
import yaml

from config.settings.environment import SERVER_VARIABLES, VARIABLES
from tests.architecture.sources import ROOT
from tests.rehearsal.task_definitions import TaskDefinition

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
NOT_OURS = {"registry", "limits"}
TASKS = {name: service for name, service in SERVICES.items() if name not in NOT_OURS}
NEEDED = {"AllowedHosts": "resale.example", "StaticBucket": "static", "EmailFrom": "a@b.example", "Release": "r1"}
#: service: role and queue class
ROLES = {
    "web": ("web", "orders"),
    "worker-orders": ("worker", "orders"),
    "worker-images": ("worker", "images"),
    "changes": ("changes", "orders"),
    "sweep": ("sweep", "orders"),
    "migrate": ("migrate", "orders"),
}


def definition(name: str) -> TaskDefinition:
    role, queue_class = ROLES[name]
    return TaskDefinition(name, role, {**NEEDED, "QueueClass": queue_class})


class TestCompose:
    def test_has_every_role(self) -> None:
        assert TASKS.keys() == ROLES.keys()

    @pytest.mark.parametrize("name", ROLES)
    def test_runs_a_role_as_the_task_definition_does(self, name: str) -> None:
        service, container = TASKS[name], definition(name).container
        flags = [word for word in service["command"] if not word.isdecimal()]
        assert flags == [str(word) for word in container["Command"] if not str(word).isdecimal()]
        assert (service["user"], service["read_only"], service["cap_drop"]) == (container["User"], True, ["ALL"])
        assert service["stop_grace_period"] == f"{container['StopTimeout']}s"
        assert service.get("healthcheck", {}).get("test") == container.get("HealthCheck", {}).get("Command")

    @pytest.mark.parametrize("name", ROLES)
    def test_gives_what_production_needs_and_nothing_unknown(self, name: str) -> None:
        given = TASKS[name]["environment"].keys()
        assert {each.name for each in VARIABLES if each.production} <= given
        assert given <= {each.name for each in (*VARIABLES, *SERVER_VARIABLES)}

    @pytest.mark.parametrize("name", ROLES)
    def test_has_no_secret_of_its_own(self, name: str) -> None:
        secrets = {key: text for key, text in TASKS[name]["environment"].items() if re.search("SECRET|URL", key)}
        assert not {
            key for key, text in secrets.items() if "SECRET" in key and not re.fullmatch(r"\$\{\w+:[?-]\}", text)
        }
        assert "${POSTGRES_PASSWORD:?}" in secrets["DATABASE_URL"]

    def test_starts_tasks_after_the_tables(self) -> None:
        for name, service in TASKS.items():
            needed = (
                {"registry": "service_healthy"} if name == "migrate" else {"migrate": "service_completed_successfully"}
            )
            assert {one: condition["condition"] for one, condition in service["depends_on"].items()} == needed
