"""Least privilege: the record of what roles used, and the templates, compared both ways."""

from pathlib import Path

import msgspec
import pytest

from deploy.local.permissions.decisions import (
    UnknownOperator,
    call_of,
    grants_of,
    is_permitted,
    missing_permissions,
    unused_grants,
)
from deploy.local.permissions.reasons import REASONS, Reason
from deploy.local.permissions.roles import Role, Statement, UnknownShape, read_roles
from deploy.local.permissions.uses import Use, read_uses

ROLES = {role.name: role for role in read_roles() if role.is_ours}
USES = read_uses()
ACCESS = ROLES["AccessRole"]
SEND = Use(
    role="AccessRole",
    action="sqs:SendMessage",
    resource="arn:aws:sqs:{region}:{account}:{tenant}-orders",
    context=("aws:PrincipalTag/tenant={tenant}",),
)


class TestTheRecord:
    def test_has_calls_of_every_kind(self) -> None:
        services = {use.action.partition(":")[0] for use in USES if use.role == "AccessRole"}
        assert services >= {"dynamodb", "kms", "s3", "secretsmanager", "sqs"}
        assert {use.action for use in USES if use.role == "TaskRole"} >= {"sts:AssumeRole", "sts:TagSession"}

    @pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
    def test_has_nothing_that_a_role_may_not(self, role: Role) -> None:
        assert missing_permissions(role, USES) == ()

    @pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
    def test_has_every_grant_or_a_reason(self, role: Role) -> None:
        unused = unused_grants(role, USES)
        assert [grant for grant in unused if not any(reason.covers(grant) for reason in REASONS)] == []

    @pytest.mark.parametrize("reason", REASONS, ids=lambda reason: f"{reason.role}-{reason.sid}-{reason.action}")
    def test_still_needs_each_reason(self, reason: Reason) -> None:
        assert any(reason.covers(grant) for grant in unused_grants(ROLES[reason.role], USES))

    def test_has_the_sessions_that_the_tenant_trusts_and_no_others(self) -> None:
        opened = [use for use in USES if use.role == "TaskRole" and "resale-tenant-access-" in use.resource]
        trust = ACCESS.trust_statements
        for use in opened:
            assert is_permitted(msgspec.structs.replace(call_of(use), resource="*"), trust), use
        assert {action for each in trust for action in each.actions} == {use.action for use in opened}


class TestTheComparison:
    def test_finds_a_permission_that_was_taken_away(self) -> None:
        less = msgspec.structs.replace(
            ACCESS, statements=tuple(each for each in ACCESS.statements if each.sid != "Work")
        )
        assert SEND in missing_permissions(less, (SEND,))

    def test_finds_a_grant_that_nobody_uses(self) -> None:
        extra = Statement(sid="Extra", effect="Allow", actions=("dynamodb:Scan",), resources=("*",))
        more = msgspec.structs.replace(ACCESS, statements=(*ACCESS.statements, extra))
        assert [grant.action for grant in unused_grants(more, USES) if grant.sid == "Extra"] == ["dynamodb:Scan"]

    def test_needs_the_sessions_tag(self) -> None:
        assert missing_permissions(ACCESS, (SEND,)) == ()
        for context in ((), ("aws:PrincipalTag/tenant=somebody",)):
            assert missing_permissions(ACCESS, (msgspec.structs.replace(SEND, context=context),)) != ()

    def test_heeds_a_denial(self) -> None:
        denial = Statement(sid="No", effect="Deny", actions=("sqs:*",), resources=("*",))
        denied = msgspec.structs.replace(ACCESS, statements=(*ACCESS.statements, denial))
        assert missing_permissions(denied, (SEND,)) == (SEND,)

    def test_does_not_guess_at_a_condition_that_it_does_not_know(self) -> None:
        odd = Statement(
            sid="Odd",
            effect="Allow",
            actions=("*",),
            resources=("*",),
            conditions={"NumericEquals": {"s3:max-keys": "1"}},
        )
        with pytest.raises(UnknownOperator, match="NumericEquals"):
            is_permitted(call_of(SEND), (odd,))

    def test_takes_wildcards_and_dots_as_iam_does(self) -> None:
        dotted = Statement(sid="", effect="Allow", actions=("sqs:SendMessage",), resources=("arn.aws:sqs:*",))
        assert not is_permitted(call_of(SEND), (dotted,))

    def test_takes_a_grant_as_used_only_where_its_conditions_hold(self) -> None:
        for context, is_unused in ((SEND.context, False), (("aws:PrincipalTag/tenant=somebody",), True)):
            unused = unused_grants(ACCESS, (msgspec.structs.replace(SEND, context=context),))
            sent = [grant for grant in unused if grant.resource.endswith("-orders") and "Send" in grant.action]
            assert bool(sent) is is_unused

    def test_sees_each_action_on_each_resource(self) -> None:
        work = [grant for grant, _ in grants_of(ACCESS) if grant.sid == "Work"]
        (statement,) = (each for each in ACCESS.statements if each.sid == "Work")
        assert len(work) == len(statement.actions) * len(statement.resources)


ROLE = """\
Conditions:
  Wanted: !Equals ["1", "1"]
Resources:
  TaskRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: { Service: ecs-tasks.amazonaws.com }
            Action: "sts:AssumeRole"
      Policies:
        - PolicyDocument:
            Statement:
              - !If
                - Wanted
                - { Sid: First, Effect: Allow, Action: "s3:GetObject", Resource: "*" }
                - { Sid: Second, Effect: Allow, Action: "s3:PutObject", Resource: "*" }
"""


class TestTheReader:
    def test_sees_both_branches_of_a_condition(self, tmp_path: Path) -> None:
        (tmp_path / "one.yaml").write_text(ROLE)
        (role,) = read_roles(tmp_path)
        assert [each.sid for each in role.statements] == ["First", "Second"]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('Action: "s3:GetObject"', 'NotAction: "s3:GetObject"'),
            ('Action: "s3:GetObject", Resource', 'Action: "s3:GetObject", NotResource'),
            (
                "      Policies:",
                '      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"]\n      Policies:',
            ),
            ("Resources:", "Resources:\n  Apart: { Type: AWS::IAM::Policy, Properties: {} }"),
        ],
    )
    def test_passes_over_no_permission(self, tmp_path: Path, old: str, new: str) -> None:
        assert old in ROLE
        (tmp_path / "one.yaml").write_text(ROLE.replace(old, new, 1))
        with pytest.raises(UnknownShape):
            read_roles(tmp_path)

    def test_refuses_two_roles_of_one_name(self, tmp_path: Path) -> None:
        for name in ("one.yaml", "two.yaml"):
            (tmp_path / name).write_text(ROLE)
        with pytest.raises(UnknownShape, match="TaskRole"):
            read_roles(tmp_path)
