"""What a tenant's session may do in its own account, and no more, on engines that enforce IAM."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from deploy.local.engines.local import LocalEngines
from resale.domain.tenants import Tenant
from tests.integration import actions
from tests.integration.actions import Action
from tests.integration.callers import REFUSED, Caller, assume, code_of, queue_urls, root, secret_name
from tests.integration.forms import post_form, sign_form

Pair = tuple[Tenant, Tenant]


def refused(attempts: Iterator[tuple[str, Action]], also: frozenset[str] = frozenset()) -> dict[str, str]:
    """What was not refused, and how it ended; ``also`` are other codes that give nothing away."""
    ended = {name: code_of(call) for name, call in attempts}
    assert ended, "nothing was tried"
    return {name: code for name, code in ended.items() if code not in REFUSED | also}


def private(attempts: Iterator[tuple[str, Action]]) -> Iterator[tuple[str, Action]]:
    """Leave out reading a rendition: on one machine they are served to anyone who knows their hash."""
    return ((name, call) for name, call in attempts if not (name.startswith("get ") and "renditions/" in name))


class TestTheOwnSession:
    def test_may_do_what_the_service_does(self, attacker_and_victim: Pair, session: Caller) -> None:
        mine = attacker_and_victim[0]
        needed = dict(needed_by_the_service(session, mine))
        ended = {name: code_of(call) for name, call in needed.items()}
        assert {name: code for name, code in ended.items() if code != "allowed"} == {}

    def test_may_post_a_photograph_with_its_form(self, attacker_and_victim: Pair, session: Caller) -> None:
        assert post_form(sign_form(session, attacker_and_victim[0])) == 204

    def test_may_do_nothing_else(self, attacker_and_victim: Pair, session: Caller) -> None:
        assert refused(never_needed(session, attacker_and_victim[0])) == {}


class TestASessionWithoutTheTag:
    """The role's policies by themselves: the same policies on a role whose trust asks for nothing."""

    @pytest.mark.parametrize("tags", [{}, {"tenant": "somebody-else"}], ids=["untagged", "foreign tag"])
    def test_is_refused_what_the_tagged_one_may(
        self, attacker_and_victim: Pair, lax_role: Callable[[dict[str, str]], Caller], tags: dict[str, str]
    ) -> None:
        mine = attacker_and_victim[0]
        assert refused(private(needed_by_the_service(lax_role(tags), mine))) == {}

    def test_is_only_refused_for_its_tag(
        self, attacker_and_victim: Pair, lax_role: Callable[[dict[str, str]], Caller]
    ) -> None:
        mine = attacker_and_victim[0]
        tagged = lax_role({"tenant": mine.slug})
        assert {code_of(call) for _, call in needed_by_the_service(tagged, mine)} == {"allowed"}


def needed_by_the_service(caller: Caller, mine: Tenant) -> Iterator[tuple[str, Action]]:
    """What a tenant's own session must be able to do."""
    sqs, s3 = caller.client("sqs", mine.region), caller.client("s3", mine.region)
    kms = caller.client("kms", mine.region)
    queues, bucket = mine.resources.queues, mine.resources.media_bucket
    for queue in (queues.changes, queues.orders, queues.images):
        yield f"send {queue.name}", partial(sqs.send_message, QueueUrl=queue.url, MessageBody="x")
        yield (
            f"batch {queue.name}",
            partial(sqs.send_message_batch, QueueUrl=queue.url, Entries=[{"Id": "1", "MessageBody": "x"}]),
        )
        yield f"take {queue.name}", partial(take_all, sqs, queue.url)
        yield (
            f"look at {queue.name}",
            partial(sqs.get_queue_attributes, QueueUrl=queue.dlq_url, AttributeNames=["All"]),
        )
    for key in ("originals/lst/own", "pending/own.webp", "renditions/own.webp", "retired/own.webp"):
        yield f"put {key}", partial(s3.put_object, Bucket=bucket, Key=key, Body=b"x")
        yield f"get {key}", partial(s3.get_object, Bucket=bucket, Key=key)
    for source, target in (("pending", "renditions"), ("renditions", "retired"), ("pending", "retired")):
        origin = {"Bucket": bucket, "Key": f"{source}/own.webp"}
        move = partial(s3.copy_object, Bucket=bucket, Key=f"{target}/own.webp", CopySource=origin)
        yield f"move {source} to {target}", move
    for folder in ("pending", "renditions"):
        yield f"delete {folder}/own.webp", partial(s3.delete_object, Bucket=bucket, Key=f"{folder}/own.webp")
    yield "versions", partial(read_first_version, s3, bucket, "originals/lst/own")
    yield "key", partial(wrap_and_unwrap, kms, mine.resources.key_arn)
    secrets = caller.client("secretsmanager", mine.region)
    yield "secret", partial(secrets.get_secret_value, SecretId=secret_name(mine))
    yield from needed_of_tables(caller, mine)


def needed_of_tables(caller: Caller, mine: Tenant) -> Iterator[tuple[str, Action]]:
    dynamodb = caller.client("dynamodb", mine.region)
    tables = mine.resources.tables
    for purpose in ("listings", "orders", "customers", "keys", "lookups", "idempotency"):
        table = getattr(tables, purpose)
        calls = actions.on_table(dynamodb, table, actions.key_of(purpose))
        verbs = ("put", "get", "transact", *(("query",) if purpose in {"listings", "orders"} else ()))
        yield from ((f"{verb} {table}", calls[verb]) for verb in verbs)
    for purpose in ("history", "ledger"):
        calls = actions.on_table(dynamodb, getattr(tables, purpose), actions.key_of(purpose))
        yield from ((f"{verb} {purpose}", calls[verb]) for verb in ("put", "query", "transact"))
    yield (
        "index",
        partial(
            dynamodb.query,
            TableName=tables.orders,
            IndexName="due",
            KeyConditionExpression="due_key = :key",
            ExpressionAttributeValues={":key": {"S": "probe"}},
        ),
    )


def never_needed(caller: Caller, mine: Tenant) -> Iterator[tuple[str, Action]]:
    """What no code of the service does, so its role may not."""
    sqs, s3, iam = (caller.client(service, mine.region) for service in ("sqs", "s3", "iam"))
    for name, call in actions.on_tables(caller, mine):
        if name.startswith(("scan", "update", "delete item", "delete table", "batch")):
            yield name, call
    for name, call in actions.on_queues(caller, mine):
        if name.startswith(("set", "purge", "delete queue")):
            yield name, call
    yield "feed dead letters", partial(sqs.send_message, QueueUrl=mine.resources.queues.orders.dlq_url, MessageBody="x")
    yield "create queue", partial(sqs.create_queue, QueueName="other")
    for bucket in (mine.resources.media_bucket, mine.resources.audit_bucket):
        yield f"delete in {bucket}", partial(s3.delete_object, Bucket=bucket, Key="exports/own.csv")
        yield f"policy of {bucket}", partial(s3.delete_bucket_policy, Bucket=bucket)
    yield from never_needed_of_stores(caller, mine)
    yield "read audit", partial(s3.get_object, Bucket=mine.resources.audit_bucket, Key="own")
    yield from never_needed_of_secrets(caller, mine)
    yield (
        "its own role",
        partial(iam.delete_role_policy, RoleName=f"resale-tenant-access-{mine.region}", PolicyName="tables"),
    )


def never_needed_of_stores(caller: Caller, mine: Tenant) -> Iterator[tuple[str, Action]]:
    dynamodb, s3 = caller.client("dynamodb", mine.region), caller.client("s3", mine.region)
    for purpose in ("history", "ledger"):
        calls = actions.on_table(dynamodb, getattr(mine.resources.tables, purpose), actions.key_of(purpose))
        yield from ((f"{verb} {purpose}", calls[verb]) for verb in ("update", "get", "delete item", "batch write"))
    for purpose in ("customers", "keys", "lookups", "idempotency"):
        table = getattr(mine.resources.tables, purpose)
        yield f"query {table}", actions.on_table(dynamodb, table, actions.key_of(purpose))["query"]
    yield "publish", partial(caller.client("sns", mine.region).publish, TopicArn=mine.resources.topic_arn, Message="x")
    yield "write audit", partial(s3.put_object, Bucket=mine.resources.audit_bucket, Key="own", Body=b"x")
    for key in ("uploads/own", "exports/own"):
        yield f"put {key}", partial(s3.put_object, Bucket=mine.resources.media_bucket, Key=key, Body=b"x")
    yield "delete an upload", partial(s3.delete_object, Bucket=mine.resources.media_bucket, Key="originals/lst/own")


def never_needed_of_secrets(caller: Caller, mine: Tenant) -> Iterator[tuple[str, Action]]:
    secrets = caller.client("secretsmanager", mine.region)
    yield from ((name, call) for name, call in actions.on_secrets(caller, mine) if not name.startswith("read"))
    yield "make secret", partial(secrets.create_secret, Name=f"{mine.slug}/other", SecretString="{}")
    yield "list secrets", partial(secrets.list_secrets)
    yield "read many secrets", partial(secrets.batch_get_secret_value, SecretIdList=[secret_name(mine)])
    yield "read what is not below its prefix", partial(secrets.get_secret_value, SecretId="somebody/isolation")


def wrap_and_unwrap(kms: Any, key_arn: str) -> None:
    # The service names the key, too; ministack 1.5.33 finds no multi-Region key by its ciphertext alone.
    kms.decrypt(KeyId=key_arn, CiphertextBlob=kms.generate_data_key(KeyId=key_arn, KeySpec="AES_256")["CiphertextBlob"])


def take_all(sqs: Any, url: str) -> None:
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", []):
        handle = message["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1)
        sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": handle}])


def read_first_version(s3: Any, bucket: str, key: str) -> None:
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    s3.get_object(Bucket=bucket, Key=key, VersionId=versions[-1]["VersionId"])


@pytest.fixture(scope="module", autouse=True)
def _leave_no_messages(guarded: Pair, engines: LocalEngines) -> Iterator[None]:
    """The queues are shared with every other test."""
    yield
    for tenant in guarded:
        sqs = root(tenant.account_id, engines.aws_endpoint_url).client("sqs", tenant.region)
        for url in queue_urls(tenant):
            sqs.purge_queue(QueueUrl=url)


@pytest.fixture
def lax_role(attacker_and_victim: Pair, engines: LocalEngines) -> Iterator[Callable[[dict[str, str]], Caller]]:
    """A copy of the access role whose trust asks for no external id and no tag; assumed by a user of its account."""
    account = attacker_and_victim[0]
    iam = root(account.account_id, engines.aws_endpoint_url).client("iam", account.region)
    user_arn = iam.create_user(UserName="insider")["User"]["Arn"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": user_arn}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        ],
    }
    may_assume = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "*"}],
    }
    iam.put_user_policy(UserName="insider", PolicyName="assume", PolicyDocument=json.dumps(may_assume))
    role_arn = iam.create_role(RoleName="lax", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    own = f"resale-tenant-access-{account.region}"
    names = iam.list_role_policies(RoleName=own)["PolicyNames"]
    for name in names:
        document = iam.get_role_policy(RoleName=own, PolicyName=name)["PolicyDocument"]
        iam.put_role_policy(RoleName="lax", PolicyName=name, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="insider")["AccessKey"]
    insider = Caller(key["AccessKeyId"], key["SecretAccessKey"], None, engines.aws_endpoint_url)
    yield lambda tags: assume(insider, role_arn, account.region, external_id=None, tags=tags)
    for name in names:
        iam.delete_role_policy(RoleName="lax", PolicyName=name)
    iam.delete_role(RoleName="lax")
    iam.delete_access_key(UserName="insider", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="insider", PolicyName="assume")
    iam.delete_user(UserName="insider")
