"""Attacks on what is in a tenant's AWS account: tables, queues, buckets, key, topic, secrets and roles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.attacks.means import Group, Means
from deploy.local.provisioning.sources import read_source

_REFUSED: Final = "refused"

SESSION: Final = Means(
    name="session",
    sends="Every call, in the session that the platform opens in the attacker's account; tables by their ARN.",
    expected=_REFUSED,
)
OWN_ACCOUNT: Final = Means(
    name="own account",
    sends="Every call in the same session, with the name of the victim's table in the attacker's own account.",
    expected=_REFUSED,
)
ADMINISTRATOR: Final = Means(
    name="administrator",
    sends="Every call, by an administrator of the attacker's account. What is not found there is refused, too.",
    expected=_REFUSED,
)
PLATFORM: Final = Means(
    name="platform without a role",
    sends="Every call, with the platform's own key, in the session of no tenant.",
    expected=_REFUSED,
)
ROLE: Final = Means(
    name="role",
    sends="The role of the victim, to be assumed in the attacker's session, and by its administrator.",
    expected=_REFUSED,
)
UPLOAD_FORM: Final = Means(
    name="upload form",
    sends="An upload form for the victim's bucket, signed in the attacker's session; a form of the attacker's own "
    "bucket, sent to the victim's.",
    expected="403 or 400",
)
LINK: Final = Means(
    name="private link",
    sends="A link to a private photo of the victim, signed in the attacker's session.",
    expected="403",
)

_CALLS: Final = (SESSION, ADMINISTRATOR, PLATFORM)
_TABLE: Final = (*_CALLS, OWN_ACCOUNT)

#: Resource of the templates → the means that are tried on it.
ROWS: Final[Mapping[str, tuple[Means, ...]]] = {
    "Key": _CALLS,
    "ListingsTable": _TABLE,
    "OrdersTable": _TABLE,
    "CustomersTable": _TABLE,
    "LedgerTable": _TABLE,
    "HistoryTable": _TABLE,
    "KeysTable": _TABLE,
    "LookupsTable": _TABLE,
    "IdempotencyTable": _TABLE,
    "ChangesDeadLetters": _CALLS,
    "ChangesQueue": _CALLS,
    "PipesDeadLetters": _CALLS,
    "OrdersDeadLetters": _CALLS,
    "OrdersQueue": _CALLS,
    "ImagesDeadLetters": _CALLS,
    "ImagesQueue": _CALLS,
    "MediaBucket": (*_CALLS, UPLOAD_FORM, LINK),
    "AuditBucket": (*_CALLS, LINK),
    "EventsTopic": _CALLS,
    "PipesRole": (ROLE,),
    "BackupRole": (ROLE,),
    "AccessRole": (ROLE,),
    "Secrets": _CALLS,
}

_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "tenant"
#: Type → the means that each resource of it must have. What holds no data of a tenant has none.
_NEEDED: Final[Mapping[str, tuple[Means, ...]]] = {
    "AWS::KMS::Key": _CALLS,
    "AWS::DynamoDB::GlobalTable": _TABLE,
    "AWS::SQS::Queue": _CALLS,
    "AWS::S3::Bucket": (*_CALLS, LINK),
    "AWS::SNS::Topic": _CALLS,
    "AWS::IAM::Role": (ROLE,),
}
_HOLD_NOTHING: Final = frozenset(
    {
        "AWS::KMS::Alias",
        "AWS::SQS::QueuePolicy",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::Logs::LogGroup",  # of the Pipes: errors without data
        "AWS::Pipes::Pipe",
        "AWS::CloudWatch::Alarm",
        "AWS::SSM::Parameter",  # the slug and the key's ARN
        "AWS::Budgets::Budget",
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::BackupVault",  # no engine here keeps backups; no role of the platform can reach it
    }
)


def find_needed(folder: Path = _TEMPLATES) -> Mapping[str, tuple[Means, ...]]:
    """Return each resource of the templates, and the secrets, with the means that its type calls for."""
    resources = {
        name: body["Type"] for path in sorted(folder.glob("*.yaml")) for name, body in _resources_of(path).items()
    }
    found = {name: _NEEDED.get(kind, ()) for name, kind in resources.items() if kind not in _HOLD_NOTHING}
    return {**found, "Secrets": _CALLS}


def _resources_of(path: Path) -> Mapping[str, Mapping[str, str]]:
    resources: Mapping[str, Mapping[str, str]] = read_source(path)["Resources"]
    return resources


RESOURCE_GROUP: Final = Group(
    title="AWS",
    about=(
        "The attacker has the session that the platform opens in its account, and an administrator of that account. "
        "The calls go to an engine that enforces IAM, each tenant against the other. AWS logs them in CloudTrail."
    ),
    surface="resource",
    place="ROWS of deploy/local/attacks/resources.py",
    means=(*_TABLE, ROLE, UPLOAD_FORM, LINK),
    rows=ROWS,
    find_needed=find_needed,
)
