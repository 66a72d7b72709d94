"""What the platform's templates share with the runbooks, the commands, the services and each other."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from apps.core import metrics
from apps.workers.changes import pipeline_watch
from apps.workers.queue_backlog import BACKLOG, QUEUE_CLASS
from deploy.local.provisioning.sources import read_source
from deploy.policies.validation import templates
from resale.application.reactions import Purpose

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = ROOT / "deploy" / "platform"
RUNBOOKS = (ROOT / "docs" / "operations" / "runbooks.md").read_text(encoding="utf-8")
SCHEDULE = read_source(PLATFORM / "schedule.yaml")
OBSERVABILITY = read_source(PLATFORM / "observability.yaml")
DISTRIBUTION = read_source(PLATFORM / "distribution.yaml")
EDGE = read_source(PLATFORM / "edge.yaml")
SERVICE = read_source(PLATFORM / "service.yaml")
ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


def resources(source: Any, *kinds: str) -> dict[str, Any]:
    return {name: body["Properties"] for name, body in source["Resources"].items() if body["Type"] in kinds}


def alarms() -> Iterator[tuple[str, Any]]:
    for path in templates():
        for name, properties in resources(read_source(path), *ALARMS).items():
            yield f"{path.stem}-{name}", properties


class TestRunbooks:
    def test_there_is_one_for_each_alarm_and_no_other(self) -> None:
        named = {
            each["AlarmDescription"].rpartition("Runbook: docs/operations/runbooks.md#")[2] for _, each in alarms()
        }
        assert named == set(re.findall(r"^### ([a-z0-9-]+)$", RUNBOOKS, re.MULTILINE))

    @pytest.mark.parametrize("section", re.split(r"^### ", RUNBOOKS, flags=re.MULTILINE)[1:], ids=str.split)
    def test_says_what_it_means_what_happens_and_what_to_do(self, section: str) -> None:
        for part in ("**Means:** ", "**By itself:** ", "**You:**"):
            assert section.count(part) == 1, part

    def test_of_a_command_names_each_that_is_scheduled(self) -> None:
        table = RUNBOOKS[RUNBOOKS.index("### command-failed") :].partition("\n### ")[0]
        told = set(re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\| (`.+?) \|", table, re.MULTILINE))))
        assert told == {" ".join(words) for words in scheduled()}


class TestAlarms:
    def test_have_a_name_of_their_own(self) -> None:
        names = [each["AlarmName"] for _, each in alarms() if isinstance(each.get("AlarmName"), str)]
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("name", resources(OBSERVABILITY, "AWS::CloudWatch::CompositeAlarm"))
    def test_that_are_composed_name_alarms_that_exist(self, name: str) -> None:
        known = {each["AlarmName"] for each in resources(OBSERVABILITY, *ALARMS).values()}
        named = re.findall(r'ALARM\("([^"]+)"\)', OBSERVABILITY["Resources"][name]["Properties"]["AlarmRule"])
        assert named
        assert set(named) <= known

    def test_of_our_own_metrics_read_metrics_that_the_code_publishes(self) -> None:
        published = {BACKLOG, pipeline_watch.AGE, pipeline_watch.SET_ASIDE, pipeline_watch.DEAD, "RequestsRefused"}
        read = [each for _, each in alarms() if each.get("Namespace") == metrics.NAMESPACE]
        assert {each["MetricName"] for each in read} == published
        for each in read:
            dimensions = {one["Name"]: one["Value"] for one in each.get("Dimensions", [])}
            assert set(dimensions) == ({QUEUE_CLASS} if each["MetricName"] == BACKLOG else set())
            assert set(dimensions.values()) <= set(Purpose)


class TestDashboards:
    @pytest.mark.parametrize("name", resources(OBSERVABILITY, "AWS::CloudWatch::Dashboard"))
    def test_are_json_with_alarms_that_exist(self, name: str) -> None:
        body = OBSERVABILITY["Resources"][name]["Properties"]["DashboardBody"]["Fn::Sub"]
        widgets = json.loads(body)["widgets"]
        assert widgets
        named = set(re.findall(r"\$\{(\w+)\.Arn\}", body))
        assert named <= set(resources(OBSERVABILITY, *ALARMS))


def scheduled() -> Iterator[list[str]]:
    """The words of each scheduled command, without the role."""
    for properties in resources(SCHEDULE, "AWS::Scheduler::Schedule").values():
        (override,) = json.loads(properties["Target"]["Input"])["containerOverrides"]
        role, *words = override["command"]
        assert (override["name"], role) == ("resale", "manage")
        yield words


class TestSchedule:
    @pytest.mark.parametrize("words", list(scheduled()), ids=" ".join)
    def test_runs_commands_that_exist_with_arguments_that_they_take(self, words: list[str]) -> None:
        name, *arguments = words
        command = load_command_class(get_commands()[name], name)
        command.create_parser("manage.py", name).parse_args(arguments)

    def test_runs_only_what_the_image_has(self) -> None:
        assert not [words for words in scheduled() if get_commands()[words[0]].startswith("deploy.")]

    def test_runs_what_is_described_as_run_daily_or_hourly(self) -> None:
        operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        paragraph = operations[operations.index("Run from a schedule:") :].partition("\n\n")[0]
        told = set(re.findall(r"`(sandbox \w+|features advance|upgrade_tenants --advance)`", paragraph))
        daily = {
            name
            for name, app in get_commands().items()
            if app.startswith("apps.") and "Run daily" in load_command_class(app, name).help
        }
        assert told | daily <= {" ".join(words) for words in scheduled()}

    def test_names_the_task_whose_failures_are_counted(self) -> None:
        (pattern,) = [
            each["EventPattern"] for name, each in resources(SCHEDULE, "AWS::Events::Rule").items() if name == "Failed"
        ]
        (group,) = pattern["detail"]["group"]
        family = SERVICE["Resources"]["Task"]["Properties"]["Family"]["Fn::Sub"].replace("${Name}", "manage")
        assert group == f"family:{family}"

    def test_restarts_services_by_a_state_machine_that_is_json(self) -> None:
        machine = SCHEDULE["Resources"]["Restart"]["Properties"]
        states = json.loads(machine["DefinitionString"].replace("${Services}", 'web","sweep'))["States"]
        assert states["List"]["Result"] == {"services": ["web", "sweep"]}
        assert states["Each"]["MaxConcurrency"] == 1
        assert machine["DefinitionSubstitutions"]["Services"] == {"Fn::Join": ['","', {"Ref": "Services"}]}


class TestTheOrigin:
    def test_is_open_to_addresses_of_cloudfront_alone(self) -> None:
        network = read_source(PLATFORM / "network.yaml")["Resources"]["LoadBalancerGroup"]["Properties"]
        assert "SecurityGroupIngress" not in network
        (ingress,) = resources(EDGE, "AWS::EC2::SecurityGroupIngress").values()
        assert ingress["SourcePrefixListId"] == {"Ref": "CloudFrontPrefixList"}
        assert not {"CidrIp", "CidrIpv6"} & set(ingress)

    def test_answers_no_request_without_the_header_of_our_distribution(self) -> None:
        (default,) = EDGE["Resources"]["Listener"]["Properties"]["DefaultActions"]
        assert default["FixedResponseConfig"]["StatusCode"] == "403"
        _, header = SERVICE["Resources"]["ListenerRule"]["Properties"]["Conditions"]
        checked = header["Fn::If"][1]["HttpHeaderConfig"]["HttpHeaderName"]
        origins = DISTRIBUTION["Resources"]["Distribution"]["Properties"]["DistributionConfig"]["Origins"]
        sent = {each["Id"]: each["OriginCustomHeaders"][0]["HeaderName"] for each in origins if each["Id"] != "static"}
        assert sent == {"api": checked, "reads": checked}


class TestTheDistribution:
    def test_serves_views_of_listings_as_operations_describe(self) -> None:
        config = DISTRIBUTION["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
        views = config["CacheBehaviors"][0]["Fn::If"][1]
        assert views["PathPattern"] == "/v1/listings/lst_" + 32 * "?"
        policy = DISTRIBUTION["Resources"]["ViewsPolicy"]["Properties"]["CachePolicyConfig"]
        assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (1, 1, 1)
        key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
        assert key["HeadersConfig"]["Headers"] == ["X-API-Key", "Authorization", "Origin", "API-Version"]
        assert (key["CookiesConfig"]["CookieBehavior"], key["QueryStringsConfig"]["QueryStringBehavior"]) == (
            "none",
            "none",
        )
        assert {each["ErrorCachingMinTTL"] for each in config["CustomErrorResponses"]} == {0}
        assert {404, 500, 503} <= {each["ErrorCode"] for each in config["CustomErrorResponses"]}

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            (
                "/northwind-media/renditions/lst_1/a.webp",
                ["northwind-media.s3.eu-west-2.amazonaws.com", "eu-west-2", "/renditions/lst_1/a.webp"],
            ),
            ("/northwind-media/originals/lst_1/a.jpg", 404),
            ("/mistyped-media/renditions/lst_1/a.webp", 404),
            ("/northwind-media/renditions/../originals/a.jpg", 404),
            ("/somebody-elses-bucket/renditions/a.webp", 404),
            ("/renditions/a.webp", 404),
            ("/", 404),
        ],
    )
    @pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
    def test_routes_photos_to_known_buckets_and_their_renditions(self, uri: str, expected: Any) -> None:
        code = DISTRIBUTION["Resources"]["MediaRouter"]["Properties"]["FunctionCode"]
        stand_in = """
            const stored = {
              'northwind-media': 'northwind-media.s3.eu-west-2.amazonaws.com',
              'mistyped-media': 'elsewhere.example',
            };
            let chosen, sent;
            const told = () => [chosen.domainName, chosen.originAccessControlConfig.region, sent.uri];
            const cf = {
              kvs: () => ({get: async (key) => { if (key in stored) return stored[key]; throw new Error('no key'); }}),
              updateRequestOrigin: (origin) => { chosen = origin; },
            };
        """
        call = f"""
            const request = {{uri: {json.dumps(uri)}, querystring: {{a: {{value: '1'}}}}, headers: {{}}}};
            handler({{request}}).then((got) => {{
              sent = got;
              console.log(JSON.stringify(got.statusCode || told()));
            }});
        """
        program = stand_in + code.replace("import cf from 'cloudfront';", "") + call
        ran = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True, timeout=30)
        assert json.loads(ran.stdout) == expected
