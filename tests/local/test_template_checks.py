"""What `make lint` finds in templates: each fault is planted into the real one, and found."""

from pathlib import Path

import pytest
from cfnlint.api import ManualArgs, lint

from deploy.policies.validation import Validator, templates

TENANT = Path(__file__).resolve().parents[2] / "deploy" / "tenant"
DATA = (TENANT / "data.yaml").read_text(encoding="utf-8")
ACCESS = (TENANT / "access.yaml").read_text(encoding="utf-8")
PLATFORM = TENANT.parent / "platform"
SERVICE, REGISTRY, EDGE, DISTRIBUTION, BACKUP, SCHEDULE = (
    (PLATFORM / f"{name}.yaml").read_text(encoding="utf-8")
    for name in ("service", "data", "edge", "distribution", "backup", "schedule")
)
ORGANIZATION = (TENANT.parent / "org" / "organization.yaml").read_text(encoding="utf-8")
LANDING_ZONE = (TENANT.parent / "org" / "landing-zone.yaml").read_text(encoding="utf-8")
COPIES = (TENANT.parent / "org" / "backup-vault.yaml").read_text(encoding="utf-8")
PUBLIC_ACCESS = """      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        IgnorePublicAcls: true
        BlockPublicPolicy: true
        RestrictPublicBuckets: true
"""
REDRIVE = """      RedrivePolicy:
        deadLetterTargetArn: !GetAtt OrdersDeadLetters.Arn
        maxReceiveCount: !Ref MaxReceiveCount
"""
#: What is wrong: the template, what is replaced once, by what, and the rule that finds it.
FAULTS = {
    "a misspelt property": (DATA, "ReceiveMessageWaitTimeSeconds: 20", "ReceiveMessageWaitSeconds: 20", "F3002"),
    "an attribute of nothing": (DATA, "!GetAtt OrdersDeadLetters.Arn", "!GetAtt OrderDeadLetters.Arn", "F1020"),
    "a circle": (DATA, "    DependsOn: ImagesQueuePolicy", "    DependsOn: MediaBucketPolicy", "F3004"),
    "a time out of its range": (DATA, "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 1209601", "F3034"),
    "no recovery": (
        DATA,
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
        "tables_can_be_restored",
    ),
    "a table that goes with its stack": (
        DATA,
        "GlobalTable\n    DeletionPolicy: Retain",
        "GlobalTable\n    DeletionPolicy: Delete",
        "data_outlives_its_stack",
    ),
    "a queue without dead letters": (DATA, REDRIVE, "", "work_queues_have_dead_letters"),
    "every action": (
        DATA,
        'Action: "sqs:SendMessage"\n                Resource: !GetAtt ChangesQueue.Arn',
        'Action: "*"\n                Resource: "*"',
        "roles_name_their_actions",
    ),
    "every action of a service": (
        ACCESS,
        '                  - "sqs:GetQueueAttributes"',
        '                  - "sqs:*"',
        "roles_name_their_actions",
    ),
    "a role for anybody": (
        DATA,
        "Principal:\n              Service: pipes.amazonaws.com",
        'Principal: "*"',
        "roles_are_trusted_by_name",
    ),
    "no external id": (ACCESS, '                "sts:ExternalId": !Ref ExternalId\n', "", "roles_are_trusted_by_name"),
    "no named principal": (
        ACCESS,
        '              ArnEquals:\n                "aws:PrincipalArn": !Ref PlatformPrincipalArn\n',
        "",
        "roles_are_trusted_by_name",
    ),
    "a public bucket": (DATA, PUBLIC_ACCESS, "", "buckets_are_private"),
    "a key for one Region": (DATA, "MultiRegion: true", "MultiRegion: false", "keys_can_have_a_second_region"),
    "a stream of one image": (DATA, "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "tables_can_have_a_second_region"),
    "a task that can write its root": (
        SERVICE,
        "ReadonlyRootFilesystem: true",
        "ReadonlyRootFilesystem: false",
        "tasks_are_locked_down",
    ),
    "a task of root": (SERVICE, 'User: "10001:10001"', 'User: "0:0"', "tasks_are_locked_down"),
    "no init process": (SERVICE, "InitProcessEnabled: true", "InitProcessEnabled: false", "tasks_are_locked_down"),
    "no time to stop": (SERVICE, "          StopTimeout: 120", "          # 120", "tasks_are_locked_down"),
    "no roll-back": (
        SERVICE,
        "DeploymentCircuitBreaker: { Enable: true, Rollback: true }",
        "DeploymentCircuitBreaker: { Enable: true, Rollback: false }",
        "services_roll_back",
    ),
    "no alarms of a deployment": (
        SERVICE,
        "        Alarms:\n          Enable: true",
        "        Alarms:\n          Enable: false",
        "services_roll_back",
    ),
    "a database that is gone with its stack": (
        REGISTRY,
        "DBCluster\n    DeletionPolicy: Snapshot",
        "DBCluster\n    DeletionPolicy: Delete",
        "databases_can_be_restored",
    ),
    "a database in clear": (REGISTRY, "StorageEncrypted: true", "StorageEncrypted: false", "databases_can_be_restored"),
    "a password that nobody rotates": (
        REGISTRY,
        "ManageMasterUserPassword: true",
        "ManageMasterUserPassword: false",
        "databases_can_be_restored",
    ),
    "a public database": (
        REGISTRY,
        "PubliclyAccessible: false",
        "PubliclyAccessible: true",
        "databases_are_private",
    ),
    "a listener in clear": (EDGE, "Protocol: HTTPS", "Protocol: HTTP", "listeners_speak_tls"),
    "an old version of TLS": (
        EDGE,
        "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "ELBSecurityPolicy-2016-08",
        "listeners_speak_tls",
    ),
    "no firewall": (
        DISTRIBUTION,
        "        WebACLId: !GetAtt Firewall.Arn\n",
        "",
        "distributions_are_protected",
    ),
    "an old version of TLS at the edge": (
        DISTRIBUTION,
        "MinimumProtocolVersion: TLSv1.2_2021",
        "MinimumProtocolVersion: TLSv1",
        "distributions_are_protected",
    ),
    "a redirect after the key was sent": (
        DISTRIBUTION,
        "ViewerProtocolPolicy: https-only # a redirect",
        "ViewerProtocolPolicy: redirect-to-https #",
        "distributions_are_protected",
    ),
    "backups that can be deleted": (
        BACKUP,
        "        MinRetentionDays: 7\n",
        "",
        "backups_are_locked",
    ),
    "an alarm without a runbook": (
        BACKUP,
        " Runbook: docs/operations/runbooks.md#backup-failed",
        "",
        "alarms_name_a_runbook",
    ),
    "a schedule that fails in silence": (
        SCHEDULE,
        "        DeadLetterConfig: { Arn: !GetAtt NotStarted.Arn }\n",
        "",
        "schedules_report_what_they_cannot_start",
    ),
    "a role for any organisation": (
        ORGANIZATION,
        '              StringEquals:\n                "aws:PrincipalOrgID": !Ref Organization\n      Policies',
        "      Policies",
        "roles_are_trusted_by_name",
    ),
    "a trail that can be changed": (
        LANDING_ZONE,
        "EnableLogFileValidation: true",
        "EnableLogFileValidation: false",
        "trails_cannot_be_changed_unseen",
    ),
    "a trail of one Region": (
        LANDING_ZONE,
        "IsMultiRegionTrail: true",
        "IsMultiRegionTrail: false",
        "trails_cannot_be_changed_unseen",
    ),
    "a vault that goes with its stack": (
        COPIES,
        "  Vault:\n    Type: AWS::Backup::BackupVault\n    DeletionPolicy: Retain",
        "  Vault:\n    Type: AWS::Backup::BackupVault\n    DeletionPolicy: Delete",
        "backups_are_locked",
    ),
    "logs for ever": (SERVICE, "      RetentionInDays: !Ref LogRetentionDays\n", "", "logs_end"),
}


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


class TestValidation:
    @pytest.mark.parametrize("path", templates(), ids=lambda path: f"{path.parent.name}-{path.stem}")
    def test_finds_nothing_in_the_templates(self, validator: Validator, path: Path) -> None:
        assert validator.find(path.read_text(encoding="utf-8"), name=path.name) == []

    @pytest.mark.parametrize("fault", FAULTS)
    def test_finds(self, validator: Validator, fault: str) -> None:
        text, old, new, rule = FAULTS[fault]
        assert old in text
        found = validator.find(text.replace(old, new, 1), name="planted.yaml")
        assert [line.split()[1] for line in found if line.split()[1] == rule], found

    def test_does_not_pass_over_what_cannot_be_read(self, validator: Validator) -> None:
        assert validator.find("Resources: [", name="planted.yaml")


class TestTheLinter:
    def test_finds_a_misspelt_action_and_an_unused_parameter(self) -> None:
        """cloudformation-validate does not know the actions of services."""
        planted = ACCESS.replace('"dynamodb:Query"', '"dynamodb:Quer"', 1).replace("!Ref ExternalId", "x", 1)
        found = {match.rule.id for match in lint(planted, config=ManualArgs(regions=["eu-west-2"]))}
        assert {"W2001", "W3037"} <= found
