"""What a task of the rehearsal gets: all that the template and the image give, and nothing that they do not allow."""

from pathlib import Path

import pytest

from config.settings.environment import VARIABLES
from deploy.local.provisioning.sources import TemplateError
from tests.rehearsal.task_definitions import TaskDefinition

SECRET = {
    name: f"{name} of the secret"
    for name in ("DJANGO_SECRET_KEY", "RESALE_LOOKUP_SECRET", "RESALE_CURSOR_SECRET", "username", "password")
}
NEEDED = {"AllowedHosts": "resale.example", "StaticBucket": "static", "EmailFrom": "a@b.example", "Release": "r1"}


class TestTaskDefinition:
    def test_gives_all_that_production_needs(self, tmp_path: Path) -> None:
        given = TaskDefinition("web", "web", NEEDED).environment(SECRET, scratch=tmp_path)
        assert [each.name for each in VARIABLES if each.production and not given.get(each.name)] == []
        assert given["RESALE_HEALTH_FILE"] == f"{tmp_path}/resale-health"

    def test_misses_what_the_secret_does_not_have(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError, match="RESALE_LOOKUP_SECRET"):
            TaskDefinition("web", "web", NEEDED).environment(
                {name: value for name, value in SECRET.items() if name != "RESALE_LOOKUP_SECRET"}, scratch=tmp_path
            )

    @pytest.mark.parametrize("wrong", [{"Release": None}, {"QueueClass": "webhooks"}, {"WorkerProcesses": "0"}])
    def test_refuses_what_the_template_refuses(self, wrong: dict[str, str | None]) -> None:
        given = {name: value for name, value in {**NEEDED, **wrong}.items() if value is not None}
        with pytest.raises(TemplateError):
            TaskDefinition("worker", "worker", given)

    def test_starts_a_worker_as_the_template_does(self) -> None:
        command = TaskDefinition("worker", "worker", {**NEEDED, "QueueClass": "images"}).command
        assert command == ["worker", "-Q", "images", "-P", "prefork", "-c", "4", "-l", "INFO"]

    def test_looks_at_web_as_its_target_group_does(self) -> None:
        check = TaskDefinition("web", "web", NEEDED).health_check()
        assert check.path == "/readyz"
        assert check.noticed_seconds == check.interval_seconds * check.unhealthy_count + check.timeout_seconds
