"""The organisation's templates: what the code calls by name is what they make, and policies fit into their limits."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.permissions.roles import read_roles
from deploy.local.provisioning.sources import read_source
from deploy.local.provisioning.templates import Applied, Template
from resale.settings import OrganizationSettings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "org"
ORGANIZATION = read_source(FOLDER / "organization.yaml")
STACK_SETS = read_source(FOLDER / "stack-sets.yaml")
CALLS = ROOT / "resale" / "adapters"
#: Longest in characters, most on one unit (Organizations User Guide, "Quotas and service limits").
POLICY_CHARACTERS, POLICIES_A_UNIT = 5_120, 5
#: The policy that AWS attaches to each unit itself.
FULL_ACCESS = 1
#: Services of the management account, as the clients' properties are named.
SERVICES = {"organizations", "account", "cloudformation", "s3"}


def of_type(kind: str, source: Any = ORGANIZATION) -> dict[str, Any]:
    return {name: body["Properties"] for name, body in source["Resources"].items() if body["Type"] == kind}


UNITS = of_type("AWS::Organizations::OrganizationalUnit")
POLICIES = of_type("AWS::Organizations::Policy")
SETS = {body["StackSetName"]: body for body in of_type("AWS::CloudFormation::StackSet", STACK_SETS).values()}


def organization(**changes: str) -> Template:
    given = {
        "PlatformAccountId": "222222222222",
        "SecurityAccountId": "333333333333",
        "AccountEmail": "aws+{slug}@example.com",
        "TemplateBucket": "resale-templates",
        "SandboxIssuer": "https://issuer.example",
        "GovernedRegions": ",".join(["ap-northeast-1"] * 8),  # more than anybody governs, for the length of policies
    }
    template = Template(ORGANIZATION, account_id="111111111111", region="eu-west-2", parameters={**given, **changes})
    template.record("Organization", Applied("o-" + "0" * 32, {"RootId": "r-0000", "Arn": "arn:aws:organizations::1:o"}))
    for number, name in enumerate(UNITS):
        template.record(name, Applied(f"ou-0000-{number:08}", {"Arn": f"arn:aws:organizations::1:ou/{name}"}))
    template.record("ManagementRole", Applied("resale-onboarding", {"Arn": "arn:aws:iam::1:role/resale-onboarding"}))
    return template


def path_of(name: str) -> str:
    parent = UNITS[name]["ParentId"].get("Ref")
    own = str(UNITS[name]["Name"])
    return own if parent is None else f"{path_of(parent)}/{own}"


class TestUnits:
    def test_are_those_of_the_organisation(self) -> None:
        assert {path_of(name) for name in UNITS} == {
            "Security",
            "Infrastructure",
            "Dev",
            "Prod",
            "Onboarding",
            "Tenants",
            "Tenants/Standard",
            "Tenants/Premium",
            "Suspended",
        }

    def test_are_given_to_the_platform_as_its_setting(self) -> None:
        template = organization()
        settings = msgspec.json.decode(template.outputs()["OrganizationSettings"], type=OrganizationSettings)
        assert settings == OrganizationSettings(
            management_role_arn="arn:aws:iam::1:role/resale-onboarding",
            account_email="aws+{slug}@example.com",
            onboarding_unit=template.ref("OnboardingUnit"),
            tenants_unit=template.ref("StandardTenantsUnit"),
            closed_unit=template.ref("SuspendedUnit"),
            template_bucket="resale-templates",
            sandbox_issuer="https://issuer.example",
        )

    def test_are_documented(self) -> None:
        page = (ROOT / "docs" / "operations" / "organisation.md").read_text(encoding="utf-8")
        names = {body["Name"] for name, body in UNITS.items() if "Ref" not in body["ParentId"]}
        assert [name for name in names if name not in page] == []
        assert [body["Name"] for body in POLICIES.values() if f"`{body['Name']}`" not in page] == []


class TestPolicies:
    @pytest.mark.parametrize("name", POLICIES)
    def test_fit(self, name: str) -> None:
        content = organization().properties(name)["Content"]
        assert len(json.dumps(content, separators=(",", ":"))) <= POLICY_CHARACTERS

    @pytest.mark.parametrize(
        "unit", [name for name in UNITS if name not in {"StandardTenantsUnit", "PremiumTenantsUnit"}]
    )
    def test_bound_each_unit(self, unit: str) -> None:
        attached = [body["Type"] for body in POLICIES.values() if {"Ref": unit} in body["TargetIds"]]
        scps = attached.count("SERVICE_CONTROL_POLICY")
        assert 1 <= scps <= POLICIES_A_UNIT - FULL_ACCESS
        assert {"Ref": unit} in POLICIES["BaselinePolicy"]["TargetIds"]

    @pytest.mark.parametrize("name", POLICIES)
    def test_only_refuse(self, name: str) -> None:
        assert {each["Effect"] for each in POLICIES[name]["Content"]["Statement"]} == {"Deny"}

    @pytest.mark.parametrize("name", POLICIES)
    def test_name_principals_where_their_kind_does(self, name: str) -> None:
        """An SCP has no Principal; an RCP has the one that is everybody."""
        is_rcp = POLICIES[name]["Type"] == "RESOURCE_CONTROL_POLICY"
        principals = [each.get("Principal") for each in POLICIES[name]["Content"]["Statement"]]
        assert set(principals) == ({"*"} if is_rcp else {None})

    def test_spare_the_roles_that_the_platform_uses(self) -> None:
        account_role = OrganizationSettings.__struct_defaults__[
            OrganizationSettings.__struct_fields__.index("account_role") - len(OrganizationSettings.__struct_fields__)
        ]
        text = (FOLDER / "organization.yaml").read_text(encoding="utf-8")
        named = set(re.findall(r":role/(OrganizationAccount\w+)", text))
        assert named == {account_role}


class TestStackSets:
    def test_of_tenants_have_the_names_that_onboarding_uses(self) -> None:
        names = {
            name: default
            for name, default in zip(
                OrganizationSettings.__struct_fields__[::-1],
                OrganizationSettings.__struct_defaults__[::-1],
                strict=False,
            )
            if name.endswith("_stack_set")
        }
        assert set(names.values()) <= set(SETS)
        for name in names.values():
            assert SETS[str(name)]["AutoDeployment"] == {
                "Enabled": False
            }  # an account would get another tenant's defaults

    @pytest.mark.parametrize("name", SETS)
    def test_are_service_managed_and_wait_for_each_other(self, name: str) -> None:
        assert SETS[name]["PermissionModel"] == "SERVICE_MANAGED"
        assert SETS[name]["ManagedExecution"] == {"Active": True}

    @pytest.mark.parametrize("name", SETS)
    def test_give_their_template_what_it_needs(self, name: str) -> None:
        (file,) = re.findall(r"/([\w-]+\.yaml)$", SETS[name]["TemplateURL"]["Fn::Sub"])
        declared = read_source(ROOT / "deploy" / "tenant" / file)["Parameters"]
        given = {each["ParameterKey"] for each in SETS[name]["Parameters"]}
        needed = {key for key, body in declared.items() if "Default" not in body}
        assert needed <= given <= set(declared)

    @pytest.mark.parametrize("name", SETS)
    def test_can_make_the_roles_of_their_template(self, name: str) -> None:
        (file,) = re.findall(r"/([\w-]+\.yaml)$", SETS[name]["TemplateURL"]["Fn::Sub"])
        resources = read_source(ROOT / "deploy" / "tenant" / file)["Resources"].values()
        roles = [body for body in resources if body["Type"] == "AWS::IAM::Role"]
        named = any("RoleName" in body["Properties"] for body in roles)
        wanted = {"CAPABILITY_NAMED_IAM"} if named else {"CAPABILITY_IAM"} if roles else set()
        assert wanted <= set(SETS[name].get("Capabilities", []))


class TestTheManagementRole:
    def test_permits_what_the_code_calls_and_nothing_else(self) -> None:
        (role,) = (each for each in read_roles(FOLDER) if each.name == "ManagementRole")
        allowed = {action for each in role.statements if each.effect == "Allow" for action in each.actions}
        assert allowed == {*calls_of_the_code(), "organizations:TagResource"}  # CreateAccount with tags needs it


def calls_of_the_code() -> set[str]:
    """What the management role is used for: calls by the names of the clients, and the roles that it assumes."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((CALLS / "organizations").glob("*.py"))]
    named = {f"{service}:{pascal(call)}" for tree in trees for service, call in calls_of(tree)}
    return {"sts:AssumeRole", *named}


def calls_of(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each call of a client: ``self._clients.<service>.<call>``, or of a name that stands for it; and paginators."""
    services = dict(names_of_clients(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr != "get_paginator":
            owner = node.value
            service = services.get(owner.id) if isinstance(owner, ast.Name) else getattr(owner, "attr", None)
            if service in SERVICES:
                yield str(service), node.attr
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
            (argument,) = node.args
            assert isinstance(argument, ast.Constant)
            yield "organizations", str(argument.value)


def names_of_clients(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            pairs = (
                zip(target.elts, node.value.elts, strict=True)
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                else [(target, node.value)]
            )
            for name, value in pairs:
                if isinstance(name, ast.Name) and isinstance(value, ast.Attribute):
                    yield name.id, value.attr


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
