"""What the pipeline runs: one-off tasks, stack sets, held to botocore's models, and the stages of `make pipeline`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from botocore.stub import ANY, Stubber

from deploy.release.one_off import PARAMETERS, OneOffTasks, TaskFailed
from deploy.release.pipeline import Skipped, Stage, run_stages, table
from deploy.release.stack_sets import StackSetFailed, StackSets

IMAGE = f"111111111111.dkr.ecr.eu-west-2.amazonaws.com/resale@sha256:{'0' * 64}"
FORMER = {
    "family": "resale-migrate",
    "taskDefinitionArn": "arn:aws:ecs:eu-west-2:111111111111:task-definition/resale-migrate:7",
    "revision": 7,
    "status": "ACTIVE",
    "registeredBy": "somebody",
    "cpu": "1024",
    "containerDefinitions": [{"name": "resale", "image": "former", "essential": True}],
}
TASK = "arn:aws:ecs:eu-west-2:111111111111:task/resale/1"


def client(name: str) -> Any:
    session: Any = boto3.Session(
        aws_access_key_id="AKIAEXAMPLE000000000", aws_secret_access_key="none", region_name="eu-west-2"
    )
    return session.client(name)


class Account:
    """The calls that a task makes, in their order; what is sent is held to what is expected."""

    def __init__(self) -> None:
        self.ecs, self.ssm = client("ecs"), client("ssm")
        self.waits: list[float] = []
        self.stubs = Stubber(self.ecs), Stubber(self.ssm)
        for stub in self.stubs:
            stub.activate()
        self.tasks = OneOffTasks(ecs=self.ecs, ssm=self.ssm, sleep=self.waits.append)

    def has_network(self, *, without: str = "") -> None:
        values = {"cluster": "resale", "subnets": "subnet-1,subnet-2", "group": "sg-1"}
        found = [{"Name": PARAMETERS[name], "Value": value} for name, value in values.items() if name != without]
        self.stubs[1].add_response("get_parameters", {"Parameters": found}, {"Names": list(PARAMETERS.values())})

    def has_definition(self) -> None:
        self.stubs[0].add_response(
            "describe_task_definition", {"taskDefinition": FORMER}, {"taskDefinition": "resale-migrate"}
        )
        self.stubs[0].add_response(
            "register_task_definition",
            {"taskDefinition": {"taskDefinitionArn": "resale-migrate:8"}},
            {
                "family": "resale-migrate",
                "cpu": "1024",
                "containerDefinitions": [{"name": "resale", "image": IMAGE, "essential": True}],
            },
        )

    def starts(self, *, command: list[str], failures: list[dict[str, str]] | None = None) -> None:
        expected = {
            "cluster": "resale",
            "taskDefinition": "resale-migrate:8",
            "launchType": "FARGATE",
            "startedBy": "release",
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": ["subnet-1", "subnet-2"],
                    "securityGroups": ["sg-1"],
                    "assignPublicIp": "DISABLED",
                }
            },
            "overrides": {"containerOverrides": [{"name": "resale", "command": command}]},
        }
        tasks = [] if failures else [{"taskArn": TASK}]
        self.stubs[0].add_response("run_task", {"tasks": tasks, "failures": failures or []}, expected)

    def ends(self, container: dict[str, Any], *, looks: int = 1) -> None:
        self.stubs[0].add_response("describe_tasks", {"tasks": []}, {"cluster": "resale", "tasks": [TASK]})
        for number in range(looks):
            last = number == looks - 1
            task = {"lastStatus": "STOPPED" if last else "RUNNING", "containers": [container if last else {}]}
            self.stubs[0].add_response("describe_tasks", {"tasks": [task]}, {"cluster": "resale", "tasks": [TASK]})


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    for stub in made.stubs:
        stub.assert_no_pending_responses()


class TestOneOffTask:
    @pytest.mark.parametrize("code", [0, 3])
    def test_runs_the_new_image_to_its_end_and_returns_its_exit_code(self, account: Account, code: int) -> None:
        account.has_network()
        account.has_definition()
        account.starts(command=["migrate", "--plan"])
        account.ends({"exitCode": code}, looks=3)
        assert account.tasks.run("migrate", ["--plan"], image=IMAGE) == code
        assert account.waits == [10.0, 10.0, 10.0]

    def test_that_does_not_start_is_an_error_with_the_reason(self, account: Account) -> None:
        account.has_network()
        account.has_definition()
        account.starts(command=["migrate"], failures=[{"reason": "RESOURCE:ENI"}])
        with pytest.raises(TaskFailed, match="RESOURCE:ENI"):
            account.tasks.run("migrate", [], image=IMAGE)

    def test_that_ends_before_its_command_is_an_error_with_the_reason(self, account: Account) -> None:
        account.has_network()
        account.has_definition()
        account.starts(command=["migrate"])
        account.ends({"reason": "CannotPullContainerError"})
        with pytest.raises(TaskFailed, match="CannotPullContainerError"):
            account.tasks.run("migrate", [], image=IMAGE)

    def test_needs_the_stacks_of_the_account(self, account: Account) -> None:
        account.has_network(without="cluster")
        with pytest.raises(TaskFailed, match="/resale/cluster"):
            account.tasks.run("migrate", [], image=IMAGE)


class TestStackSet:
    def update(self, *statuses: str, instances: tuple[str, ...] = ("eu-west-2",)) -> list[float]:
        cloudformation, waits = client("cloudformation"), list[float]()
        with Stubber(cloudformation) as stub:
            stub.add_response(
                "describe_stack_set",
                {
                    "StackSet": {
                        "Parameters": [{"ParameterKey": "AlarmTopicArn", "ParameterValue": "x"}],
                        "Capabilities": ["CAPABILITY_NAMED_IAM"],
                    }
                },
                {"StackSetName": "resale-tenant-data"},
            )
            stub.add_response(
                "list_stack_instances",
                {"Summaries": [{"Region": region} for region in instances]},
                {"StackSetName": "resale-tenant-data", "StackInstanceAccount": "222222222222"},
            )
            if instances:
                stub.add_response(
                    "update_stack_set",
                    {"OperationId": "op-1"},
                    {
                        "StackSetName": "resale-tenant-data",
                        "TemplateURL": "https://templates/data.yaml",
                        "Parameters": [{"ParameterKey": "AlarmTopicArn", "UsePreviousValue": True}],
                        "Capabilities": ["CAPABILITY_NAMED_IAM"],
                        "DeploymentTargets": {
                            "OrganizationalUnitIds": ["ou-ring-00000000"],
                            "Accounts": ["222222222222"],
                            "AccountFilterType": "INTERSECTION",
                        },
                        "Regions": list(instances),
                    },
                )
            for status in statuses:
                stub.add_response(
                    "describe_stack_set_operation",
                    {"StackSetOperation": {"Status": status}},
                    {"StackSetName": ANY, "OperationId": "op-1"},
                )
            StackSets(cloudformation=cloudformation, sleep=waits.append).update(
                "resale-tenant-data", "https://templates/data.yaml", unit="ou-ring-00000000", account="222222222222"
            )
            stub.assert_no_pending_responses()
        return waits

    def test_gets_the_template_for_the_account_of_the_ring_alone(self) -> None:
        assert self.update("RUNNING", "SUCCEEDED") == [10.0]

    def test_whose_operation_fails_is_an_error(self) -> None:
        with pytest.raises(StackSetFailed, match="ended as FAILED"):
            self.update("FAILED")

    def test_without_a_stack_in_the_ring_is_not_updated_everywhere(self) -> None:
        with pytest.raises(StackSetFailed, match="has no stack"):
            self.update(instances=())


def stage(name: str, code: str) -> Stage:
    return Stage(name, f"shows {name}", lambda: [[sys.executable, "-c", code]])


def unavailable() -> list[list[str]]:
    raise Skipped("no builder is installed")


class TestStages:
    def test_run_up_to_the_first_that_fails(self, tmp_path: Path) -> None:
        own = f"import os; assert os.environ['RESALE_VAR_DIR'] == {str(tmp_path)!r}"
        chosen = [
            msgspec.structs.replace(stage("one", own), has_own_registry=True),
            Stage("two", "shows two", unavailable),
            stage("three", "raise SystemExit(4)"),
            stage("four", "raise AssertionError"),
        ]
        rows = run_stages(chosen, folder=tmp_path)
        assert [row.result for row in rows] == ["passed", "skipped", "failed", "not run"]
        assert rows[1].detail == "no builder is installed"
        assert rows[2].detail.endswith("ended with 4")

    def test_are_printed_as_a_table(self, tmp_path: Path) -> None:
        rows = run_stages([stage("one", ""), stage("second", "raise SystemExit(1)")], folder=tmp_path)
        head, first, second = table(rows).splitlines()
        assert head.split() == ["stage", "result", "seconds", "what", "it", "shows"]
        assert first.split()[:2] == ["one", "passed"]
        assert second.split()[:2] == ["second", "failed"]
