"""The platform's templates: what they promise, and what they share with the image, its settings and the tenants'."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.core import metrics
from apps.workers.queue_backlog import BACKLOG, QUEUE_CLASS, TENANTS
from config import celery_settings
from config.settings.environment import SERVER_VARIABLES, VARIABLES
from deploy.local.provisioning.sources import read_source
from deploy.local.provisioning.templates import Template
from resale.application.reactions import Purpose

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "platform"
SERVICE = read_source(FOLDER / "service.yaml")
ROLES = read_source(FOLDER / "task-roles.yaml")
DATA = read_source(FOLDER / "data.yaml")
NETWORK = read_source(FOLDER / "network.yaml")
ACCESS = read_source(ROOT / "deploy" / "tenant" / "access.yaml")
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
ENTRYPOINT = (ROOT / "docker" / "entrypoint").read_text(encoding="utf-8")
SERVER = (ROOT / "docker" / "gunicorn.conf.py").read_text(encoding="utf-8")
TASK = SERVICE["Resources"]["Task"]["Properties"]
(CONTAINER,) = TASK["ContainerDefinitions"]
#: Settings that no task has, each with its reason.
NOT_SET = {
    "AWS_ACCESS_KEY_ID": "a task has a role",
    "AWS_SECRET_ACCESS_KEY": "a task has a role",
    "AWS_ENDPOINT_URL": "one machine only",
    "ONCE": "one machine only",
    "RESALE_DYNAMODB_ENDPOINTS": "one machine only",
    "RESALE_ENGINE": "one machine only",
    "RESALE_VAR_DIR": "one machine only",
}


def set_by_the_image() -> set[str]:
    (block,) = re.findall(r"^ENV (.+?[^\\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"(\w+)=", block)) & {each.name for each in (*VARIABLES, *SERVER_VARIABLES)}


def statements(role: str) -> Iterator[Any]:
    for policy in ROLES["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


class TestSettings:
    def test_are_those_of_the_tasks_both_ways(self) -> None:
        given = {each["Name"] for each in (*CONTAINER["Environment"], *CONTAINER["Secrets"])}
        known = {each.name for each in (*VARIABLES, *SERVER_VARIABLES)}
        assert given | set_by_the_image() | set(NOT_SET) == known
        assert not given & (set_by_the_image() | set(NOT_SET))

    def test_that_production_needs_have_no_empty_default(self) -> None:
        needed = {each.name for each in VARIABLES if each.production}
        values = {each["Name"]: each["Value"]["Ref"] for each in CONTAINER["Environment"] if each["Name"] in needed}
        own = [name for name in values.values() if not SERVICE["Parameters"][name]["Type"].startswith("AWS::SSM")]
        assert [name for name in own if "Default" in SERVICE["Parameters"][name]] == []
        assert needed <= set(values) | {each["Name"] for each in CONTAINER["Secrets"]}

    def test_that_are_secret_come_from_secrets_manager(self) -> None:
        secret = {each.name for each in VARIABLES if re.search(r"SECRET|DATABASE_USER|PASSWORD", each.name)}
        assert {each["Name"] for each in CONTAINER["Secrets"]} == secret - set(NOT_SET)
        for each in CONTAINER["Secrets"]:
            part = each["Name"].partition("DATABASE_")[2].lower().replace("user", "username")
            key = f"${{DatabaseSecretArn}}:{part}::" if part else f"${{CredentialsArn}}:{each['Name']}::"
            assert each["ValueFrom"] == {"Fn::Sub": key}

    def test_have_an_address_of_the_registry_without_its_password(self) -> None:
        url = DATA["Resources"]["DatabaseUrlParameter"]["Properties"]["Value"]["Fn::Sub"]
        plain = re.sub(r"\$\{[^}]+\}", "1", url)
        assert re.fullmatch(r"postgres://1:1/resale\?sslmode=verify-full&sslrootcert=/etc/resale/rds-ca.pem", plain)

    def test_of_secrets_can_be_read_by_the_role_that_starts_tasks(self) -> None:
        (read,) = [each for each in statements("ExecutionRole") if each["Sid"] == "ReadSecret"]
        assert read["Resource"] == [{"Ref": "CredentialsArn"}, {"Ref": "DatabaseCredentialsArn"}]

    def test_keep_the_organisation_from_all_but_manage_and_web(self) -> None:
        (assertion,) = SERVICE["Rules"]["OnlyManageOnboards"]["Assertions"]
        allowed = {each["Fn::Equals"][1] for each in assertion["Assert"]["Fn::Or"]}
        assert allowed == {"web", "manage"}


class TestTheTask:
    def test_runs_every_role_of_the_image(self) -> None:
        roles = re.findall(r"^    (\w+)\)$", ENTRYPOINT, re.MULTILINE)
        assert SERVICE["Parameters"]["Role"]["AllowedValues"] == roles

    def test_has_a_worker_of_each_queue_class(self) -> None:
        classes = celery_settings.settings(celery_settings.AWS)["task_queues"]
        assert set(SERVICE["Parameters"]["QueueClass"]["AllowedValues"]) == set(classes)
        worker = CONTAINER["Command"]["Fn::If"][1]
        assert worker[:3] == ["worker", "-Q", {"Ref": "QueueClass"}]

    def test_writes_in_the_images_volume_and_nowhere_else(self) -> None:
        (mount,) = CONTAINER["MountPoints"]
        assert [mount["ContainerPath"]] == json.loads(re.findall(r"^VOLUME (.+)$", DOCKERFILE, re.MULTILINE)[0])
        assert mount["SourceVolume"] == TASK["Volumes"][0]["Name"]
        assert CONTAINER["ReadonlyRootFilesystem"] is True
        assert CONTAINER["User"] == re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[0]

    def test_has_longer_to_stop_than_its_role_takes(self) -> None:
        assert celery_settings.AWS["task_time_limit"] < CONTAINER["StopTimeout"] <= 120  # Fargate's most
        (graceful,) = re.findall(r"^graceful_timeout = (\d+)$", SERVER, re.MULTILINE)
        attributes = SERVICE["Resources"]["TargetGroup"]["Properties"]["TargetGroupAttributes"]
        (delay,) = [int(each["Value"]) for each in attributes if each["Key"].startswith("deregistration_delay")]
        assert delay + int(graceful) < CONTAINER["StopTimeout"]

    def test_checks_the_heartbeat_that_the_image_writes(self) -> None:
        check = CONTAINER["HealthCheck"]["Fn::If"][1]["Command"]["Fn::If"]
        (file,) = re.findall(r"RESALE_HEALTH_FILE=(\S+)", DOCKERFILE)
        assert check[2] == ["CMD", "python", "-m", "apps.workers.health", file]
        assert "/healthz" in check[1][-1]
        assert SERVICE["Resources"]["TargetGroup"]["Properties"]["HealthCheckPath"] == "/readyz"

    @pytest.mark.parametrize("image", ["resale:latest", "resale", "resale@sha256:abc"])
    def test_takes_no_image_that_somebody_can_move(self, image: str) -> None:
        pattern = SERVICE["Parameters"]["Image"]["AllowedPattern"]
        assert not re.fullmatch(pattern, image)
        assert re.fullmatch(pattern, f"1.dkr.ecr.eu-west-2.amazonaws.com/resale@sha256:{'0' * 64}")


class TestTheService:
    def test_leaves_the_number_of_tasks_to_its_scaling(self) -> None:
        assert "DesiredCount" not in SERVICE["Resources"]["Service"]["Properties"]

    def test_rolls_back_on_alarms_that_exist(self) -> None:
        alarms = SERVICE["Resources"]["Service"]["Properties"]["DeploymentConfiguration"]["Alarms"]
        names = {each["Ref"] for branch in alarms["AlarmNames"]["Fn::If"][1:] for each in branch}
        kinds = {SERVICE["Resources"][name]["Type"] for name in names}
        assert (alarms["Enable"], alarms["Rollback"], kinds) == (True, True, {"AWS::CloudWatch::Alarm"})

    def test_reads_logs_by_the_name_that_the_level_has(self) -> None:
        source = (ROOT / "apps" / "core" / "logs.py").read_text(encoding="utf-8")
        assert '"levelname": "level"' in source
        assert "$.level" in SERVICE["Resources"]["Errors"]["Properties"]["FilterPattern"]


class TestScalingByBacklog:
    def test_reads_the_metric_that_the_sweep_publishes(self) -> None:
        policy = SERVICE["Resources"]["ScalingByBacklog"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        metrics_by_id = {each["Id"]: each for each in policy["CustomizedMetricSpecification"]["Metrics"]}
        metric = metrics_by_id["backlog"]["MetricStat"]["Metric"]
        assert (metric["Namespace"], metric["MetricName"]) == (metrics.NAMESPACE, BACKLOG)
        queue_class, own = metric["Dimensions"]
        assert queue_class == {"Name": QUEUE_CLASS, "Value": {"Ref": "QueueClass"}}
        assert own["Fn::If"][2] == {"Name": TENANTS, "Value": {"Ref": "Tenants"}}
        assert set(SERVICE["Parameters"]["QueueClass"]["AllowedValues"]) <= set(Purpose)

    @pytest.mark.parametrize(("tenants", "pooled"), [("", True), ("-atelier,-third", True), ("atelier,third", False)])
    def test_of_own_processes_reads_a_metric_of_its_own(self, tenants: str, pooled: bool) -> None:  # noqa: FBT001 - a case
        source = {"Parameters": {"Tenants": SERVICE["Parameters"]["Tenants"]}, "Conditions": SERVICE["Conditions"]}
        template = Template(source, account_id="111111111111", region="eu-west-2", parameters={"Tenants": tenants})
        assert template.condition("ServesThePool") is pooled


class TestTheTaskRole:
    def test_assumes_the_tenants_role_inside_the_organisation_and_no_other(self) -> None:
        (reach,) = [each for each in statements("TaskRole") if each.get("Sid") == "ReachTenants"]
        (pattern,) = re.findall(r"role/(.+)$", reach["Resource"]["Fn::Sub"])
        name = ACCESS["Resources"]["AccessRole"]["Properties"]["RoleName"]["Fn::Sub"]
        assert name == pattern.replace("*", "${AWS::Region}")
        assert reach["Condition"] == {"StringEquals": {"aws:ResourceOrgID": {"Ref": "OrganizationId"}}}
        assumed = [each for each in statements("TaskRole") if "sts:AssumeRole" in each["Action"]]
        assert {each["Sid"] for each in assumed} == {"ReachTenants", "ManageAccounts"}

    @pytest.mark.parametrize("role", ["TaskRole", "MigrateRole"])
    def test_never_changes_rights(self, role: str) -> None:
        denied = [each["Action"] for each in statements(role) if each["Effect"] == "Deny" and each["Resource"] == "*"]
        assert "iam:*" in denied[0]

    @pytest.mark.parametrize("role", ["TaskRole", "MigrateRole", "ExecutionRole"])
    def test_names_its_actions_and_resources(self, role: str) -> None:
        allowed = [each for each in statements(role) if each["Effect"] == "Allow"]
        everywhere = {each["Sid"] for each in allowed if each["Resource"] == "*"}
        assert everywhere <= {"SignInToRegistry"}
        assert not [each for each in allowed if "*" in json.dumps(each["Action"])]

    def test_of_migrate_reaches_no_tenant(self) -> None:
        assert [each["Sid"] for each in statements("MigrateRole") if "sts:AssumeRole" in each["Action"]] == [
            "NeverChangeRights"
        ]


class TestStacks:
    @pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
    def test_are_joined_by_parameters_and_never_by_exports(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert "ImportValue" not in text
        assert "Export:" not in text

    def test_read_parameters_that_another_stack_writes(self) -> None:
        written = {
            each["Properties"]["Name"]
            for path in FOLDER.glob("*.yaml")
            for each in read_source(path)["Resources"].values()
            if each["Type"] == "AWS::SSM::Parameter"
        }
        read = {
            each["Default"]
            for path in FOLDER.glob("*.yaml")
            for each in read_source(path).get("Parameters", {}).values()
            if each["Type"].startswith("AWS::SSM::Parameter::Value")
        }
        assert read <= written

    def test_let_nobody_but_the_load_balancer_reach_tasks(self) -> None:
        (rule,) = NETWORK["Resources"]["TaskGroup"]["Properties"]["SecurityGroupIngress"]
        assert rule["SourceSecurityGroupId"] == {"Ref": "LoadBalancerGroup"}
        assert "CidrIp" not in rule
