"""What the organisation's policies refuse, decided by our own matching: no engine here evaluates them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest

from deploy.local.permissions.decisions import Call, denies
from deploy.local.permissions.roles import read_statement
from tests.local.test_organization_templates import organization

ACCOUNT, OTHER = "444444444444", "555555555555"
REGION = "ap-northeast-1"  # the one that the sample governs
SESSION = f"arn:aws:iam::{ACCOUNT}:role/resale-tenant-access-{REGION}"
STACKS = f"arn:aws:iam::{ACCOUNT}:role/stacksets-exec-1"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/OrganizationAccountAccessRole"
SOMEBODY = f"arn:aws:iam::{ACCOUNT}:role/somebody"
ROOT_USER = f"arn:aws:iam::{ACCOUNT}:root"
ORGANIZATION = "o-" + "0" * 32


class Question(NamedTuple):
    """A request of a principal in a member's account."""

    policy: str
    principal: str
    action: str
    is_denied: bool
    context: Mapping[str, str] = MappingProxyType({})


def q(policy: str, principal: str, action: str, *, denied: bool, **context: str) -> Question:
    return Question(
        policy, principal, action, denied, {name.replace("__", ":"): value for name, value in context.items()}
    )


QUESTIONS = {
    "nobody leaves": q("BaselinePolicy", ADMINISTRATOR, "organizations:LeaveOrganization", denied=True),
    "root does nothing": q("BaselinePolicy", ROOT_USER, "s3:ListAllMyBuckets", denied=True),
    "root of the management account does": q(
        "BaselinePolicy", ROOT_USER, "s3:DeleteBucketPolicy", denied=False, aws__AssumedRoot="true"
    ),
    "no keys": q("BaselinePolicy", ADMINISTRATOR, "iam:CreateAccessKey", denied=True),
    "no users": q("BaselinePolicy", STACKS, "iam:CreateUser", denied=True),
    "another Region": q("BaselinePolicy", SOMEBODY, "ec2:RunInstances", denied=True, aws__RequestedRegion="sa-east-1"),
    "the own Region": q("BaselinePolicy", SOMEBODY, "ec2:RunInstances", denied=False),
    "a global service": q(
        "BaselinePolicy", SOMEBODY, "route53:ListHostedZones", denied=False, aws__RequestedRegion="x"
    ),
    "the trail stays": q("BaselinePolicy", ADMINISTRATOR, "cloudtrail:StopLogging", denied=True),
    "Control Tower changes the recorder": q(
        "BaselinePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/AWSControlTowerExecution",
        "config:StopConfigurationRecorder",
        denied=False,
    ),
    "tables stay": q("TenantPolicy", SOMEBODY, "dynamodb:DeleteTable", denied=True),
    "the session's tables stay": q("TenantPolicy", SESSION, "dynamodb:DeleteTable", denied=True),
    "stacks replace tables": q("TenantPolicy", STACKS, "dynamodb:DeleteTable", denied=False),
    "offboarding ends the key": q("TenantPolicy", ADMINISTRATOR, "kms:ScheduleKeyDeletion", denied=False),
    "nobody else does": q("TenantPolicy", SESSION, "kms:ScheduleKeyDeletion", denied=True),
    "backups stay": q("TenantPolicy", SOMEBODY, "backup:DeleteRecoveryPoint", denied=True),
    "no public bucket": q("TenantPolicy", SOMEBODY, "s3:PutBucketPolicy", denied=True),
    "no wider role": q("TenantPolicy", SOMEBODY, "iam:PutRolePolicy", denied=True),
    "own data": q("TenantPolicy", SESSION, "dynamodb:PutItem", denied=False, aws__ResourceAccount=ACCOUNT),
    "data of another account": q("TenantPolicy", SESSION, "dynamodb:PutItem", denied=True, aws__ResourceAccount=OTHER),
    "an object for another account": q(
        "TenantPolicy", SESSION, "s3:PutObject", denied=True, aws__ResourceAccount=OTHER
    ),
    "a closed tenant's session": q("SuspendedPolicy", SESSION, "dynamodb:GetItem", denied=True),
    "a closed tenant's administrator": q("SuspendedPolicy", ADMINISTRATOR, "dynamodb:GetItem", denied=False),
    "a stranger": q(
        "PerimeterPolicy", "arn:aws:iam::9:user/x", "s3:GetObject", denied=True, aws__PrincipalOrgID="o-other"
    ),
    "somebody without an organisation": q("PerimeterPolicy", "", "s3:GetObject", denied=True),
    "a stranger and a role": q(
        "PerimeterPolicy", "arn:aws:iam::9:user/x", "sts:AssumeRole", denied=True, aws__PrincipalOrgID="o-other"
    ),
    "a token of a web identity": q("PerimeterPolicy", "", "sts:AssumeRoleWithWebIdentity", denied=False),
    "the organisation": q("PerimeterPolicy", SESSION, "s3:GetObject", denied=False, aws__PrincipalOrgID=ORGANIZATION),
    "plain HTTP": q(
        "PerimeterPolicy",
        SESSION,
        "s3:GetObject",
        denied=True,
        aws__PrincipalOrgID=ORGANIZATION,
        aws__SecureTransport="false",
    ),
    "CloudFront for the organisation": q(
        "PerimeterPolicy",
        "",
        "s3:GetObject",
        denied=False,
        aws__PrincipalIsAWSService="true",
        aws__SourceAccount=ACCOUNT,
        aws__SourceOrgID=ORGANIZATION,
    ),
    "CloudFront for somebody else": q(
        "PerimeterPolicy",
        "",
        "s3:GetObject",
        denied=True,
        aws__PrincipalIsAWSService="true",
        aws__SourceAccount="9",
        aws__SourceOrgID="o-other",
    ),
}


def call_of(question: Question) -> Call:
    own = {
        "aws:PrincipalArn": question.principal,
        "aws:PrincipalAccount": ACCOUNT,
        "aws:RequestedRegion": REGION,
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "false",
        "aws:ResourceAccount": ACCOUNT,
    }
    context = {key: (value,) for key, value in {**own, **question.context}.items() if value}
    return Call(action=question.action, resource="arn:aws:any:::resource", context=context)


def statements_of(policy: str) -> list[Any]:
    return [read_statement(each) for each in organization().properties(policy)["Content"]["Statement"]]


@pytest.mark.parametrize("name", QUESTIONS)
def test_policies_decide(name: str) -> None:
    question = QUESTIONS[name]
    assert denies(call_of(question), statements_of(question.policy)) is question.is_denied


@pytest.mark.parametrize("policy", ["BaselinePolicy", "TenantPolicy", "SuspendedPolicy", "PerimeterPolicy"])
def test_each_statement_is_needed(policy: str) -> None:
    """Without it, some question above would have another answer."""
    asked = [question for question in QUESTIONS.values() if question.policy == policy]
    for left_out in (statements := statements_of(policy)):
        rest = [each for each in statements if each is not left_out]
        changed = [question for question in asked if denies(call_of(question), rest) is not question.is_denied]
        assert changed, msgspec.to_builtins(left_out)
