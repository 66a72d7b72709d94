"""The stack of all stacks, its parameter files, and the pipeline: what each hands to the next exists there."""

import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from deploy.local.provisioning.sources import read_source
from deploy.release.one_off import PARAMETERS, ROLES
from deploy.release.pipeline import STAGES
from deploy.release.stack_sets import STACK_SETS
from resale.domain.tenant_onboarding import REGIONS
from resale.domain.waves import Wave
from resale.settings import OrganizationSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
LAUNCH = read_source(DEPLOY / "launch.yaml")
PIPELINE = read_source(DEPLOY / "platform" / "pipeline.yaml")
STACKS = {name: body["Properties"] for name, body in LAUNCH["Resources"].items()}
SERVICES = {name: each for name, each in STACKS.items() if each["TemplateURL"]["Fn::Sub"].endswith("service.yaml")}
FILES = ("dev", "prod")


def child(properties: Any) -> Any:
    return read_source(DEPLOY / properties["TemplateURL"]["Fn::Sub"].removeprefix("${TemplatesUrl}/"))


def parameters(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((DEPLOY / "params" / f"{name}.json").read_text(encoding="utf-8"))["Parameters"]
    return found


class TestNestedStacks:
    @pytest.mark.parametrize("name", STACKS)
    def test_get_the_parameters_that_their_template_has(self, name: str) -> None:
        declared = child(STACKS[name])["Parameters"]
        given = set(STACKS[name].get("Parameters", {}))
        needed = {each for each, body in declared.items() if "Default" not in body}
        assert given <= set(declared)
        assert needed <= given

    def test_hand_on_outputs_that_exist(self) -> None:
        named = re.findall(r'"Fn::GetAtt": \["(\w+)", "Outputs\.(\w+)"\]', json.dumps(LAUNCH))
        assert named
        missing = [(stack, output) for stack, output in named if output not in child(STACKS[stack])["Outputs"]]
        assert missing == []

    def test_are_services_with_a_name_of_their_own_one_for_each_role(self) -> None:
        names = [each["Parameters"]["Name"] for each in SERVICES.values()]
        assert len(names) == len(set(names))
        roles = read_source(DEPLOY / "platform" / "service.yaml")["Parameters"]["Role"]["AllowedValues"]
        assert {each["Parameters"]["Role"] for each in SERVICES.values()} == set(roles)

    def test_of_running_services_are_restarted_when_the_password_was_rotated(self) -> None:
        running = [each["Parameters"]["Name"] for each in SERVICES.values() if each["Parameters"]["Role"] not in ROLES]
        restarted = STACKS["Schedules"]["Parameters"]["Services"].split(",")
        assert sorted(restarted) == sorted(running)
        default = read_source(DEPLOY / "platform" / "schedule.yaml")["Parameters"]["Services"]["Default"]
        assert default.split(",") == restarted

    def test_are_renewed_in_the_order_of_a_release(self) -> None:
        order = ["Changes", "Sweep", "WorkerOrders", "Web"]
        for earlier, later in itertools.pairwise(order):
            waits_for = LAUNCH["Resources"][later]["DependsOn"]
            assert earlier in ([waits_for] if isinstance(waits_for, str) else waits_for), later

    def test_that_no_other_stack_holds_are_all_templates_but_those_of_other_places(self) -> None:
        nested = {each["TemplateURL"]["Fn::Sub"].rpartition("/")[2] for each in STACKS.values()}
        elsewhere = {"distribution.yaml", "pipeline.yaml"}  # us-east-1, and once for both platforms
        assert nested | elsewhere == {path.name for path in (DEPLOY / "platform").glob("*.yaml")}


class TestParameterFiles:
    @pytest.mark.parametrize("name", FILES)
    def test_give_what_the_stack_has_and_needs(self, name: str) -> None:
        declared = LAUNCH["Parameters"]
        by_the_pipeline = {"Image", "Release", "TemplatesUrl"}
        needed = {each for each, body in declared.items() if "Default" not in body} - by_the_pipeline
        assert needed <= set(parameters(name)) <= set(declared) - by_the_pipeline

    @pytest.mark.parametrize("name", FILES)
    def test_give_values_that_the_stack_takes(self, name: str) -> None:
        for key, value in parameters(name).items():
            declared = LAUNCH["Parameters"][key]
            assert isinstance(value, str), key
            assert re.fullmatch(declared.get("AllowedPattern", ".*"), value), key
            assert value in declared.get("AllowedValues", [value]), key

    @pytest.mark.parametrize("name", FILES)
    def test_divide_limits_by_the_web_processes_that_run(self, name: str) -> None:
        given = parameters(name)
        assert int(given["WebProcesses"]) == int(given["WebTasks"]) * int(given["WebConcurrency"])

    def test_of_regions_know_each_region_in_which_tenants_are_onboarded(self) -> None:
        known = json.loads((DEPLOY / "params" / "regions.json").read_text(encoding="utf-8"))
        assert set(known) == set(REGIONS)
        assert all(set(each) <= set(LAUNCH["Parameters"]) for each in known.values())


def stages() -> list[Any]:
    found: list[Any] = PIPELINE["Resources"]["Pipeline"]["Properties"]["Stages"]
    return found


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of the pipeline's one-off project: its stage, and its words."""
    for stage in stages():
        for action in stage["Actions"]:
            given = action["Configuration"].get("EnvironmentVariables")
            if given is not None:
                (variable,) = json.loads(given["Fn::Sub"] if isinstance(given, dict) else given)
                yield stage["Name"], shlex.split(variable["value"])


class TestPipeline:
    def test_goes_from_source_over_dev_and_a_person_to_all_tenants(self) -> None:
        order = ["Source", "Check", "Build", "Dev", "Approval", "Migrate", "Canary", "Waves", "Services"]
        assert [stage["Name"] for stage in stages()] == order

    def test_checks_by_stages_that_exist(self) -> None:
        spec = PIPELINE["Resources"]["Check"]["Properties"]["Source"]["BuildSpec"]
        (named,) = re.findall(r'make pipeline STAGES="([^"]+)"', spec)
        order = [stage.name for stage in STAGES]
        assert sorted(named.split(), key=order.index) == named.split()

    @pytest.mark.parametrize(("stage", "words"), list(commands()))
    def test_runs_modules_and_commands_that_exist(self, stage: str, words: list[str]) -> None:
        python, flag, module, *rest = words
        assert (python, flag, stage in {each["Name"] for each in stages()}) == (".venv/bin/python", "-m", True)
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
        if "manage" in rest:
            name, *arguments = rest[rest.index("manage") + 1 :]
            load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(arguments)
        assert not rest or "manage" in rest or rest[-1] == "migrate" or module.endswith("stack_sets")

    def test_upgrades_tenants_in_every_wave_but_the_ring_which_the_canary_contains(self) -> None:
        waves = [words[-1] for _, words in commands() if "upgrade_tenants" in words]
        assert waves == [wave for wave in Wave if wave not in {Wave.NONE, Wave.RING}]

    def test_looks_at_an_alarm_that_exists_after_each_stage_that_shoppers_notice(self) -> None:
        known = {
            each["Properties"].get("AlarmName")
            for each in read_source(DEPLOY / "platform" / "observability.yaml")["Resources"].values()
        }
        for stage in stages()[-3:]:
            (condition,) = stage["OnSuccess"]["Conditions"]
            (rule,) = condition["Rules"]
            assert rule["Configuration"]["AlarmName"] in known

    def test_can_read_what_one_off_tasks_read(self) -> None:
        written = {
            each["Properties"]["Name"]
            for path in (DEPLOY / "platform").glob("*.yaml")
            for each in read_source(path)["Resources"].values()
            if each["Type"] == "AWS::SSM::Parameter"
        }
        assert set(PARAMETERS.values()) <= written

    def test_knows_the_stack_sets_of_onboarding(self) -> None:
        organization = OrganizationSettings(
            management_role_arn="", account_email="", onboarding_unit="", tenants_unit=""
        )
        assert {organization.data_stack_set: "data", organization.access_stack_set: "access"} == STACK_SETS
        assert all((DEPLOY / "tenant" / f"{name}.yaml").is_file() for name in STACK_SETS.values())
