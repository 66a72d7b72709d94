"""Everything one can try on a tenant's resources, each by a name, as calls that wait to be made."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from resale.domain.tenants import Tenant
from tests.integration.callers import Caller, queue_urls, root, secret_name, table_names

Action = Callable[[], Any]


def on_queues(caller: Caller, victim: Tenant) -> Iterator[tuple[str, Action]]:
    """Try every queue, in the victim's region."""
    for url in queue_urls(victim):
        yield from on_queue(caller, victim, url)


def on_queue(caller: Caller, victim: Tenant, url: str) -> Iterator[tuple[str, Action]]:
    """Try one queue, in the victim's region."""
    sqs, name = caller.client("sqs", victim.region), url.rsplit("/", 1)[1]
    calls: Mapping[str, Action] = {
        "send": partial(sqs.send_message, QueueUrl=url, MessageBody="x"),
        "send batch": partial(sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}]),
        "receive": partial(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=0),
        "delete": partial(sqs.delete_message, QueueUrl=url, ReceiptHandle="x"),
        "attributes": partial(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["All"]),
        "set": partial(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""}),
        "purge": partial(sqs.purge_queue, QueueUrl=url),
        "delete queue": partial(sqs.delete_queue, QueueUrl=url),
    }
    yield from ((f"{verb} {name}", call) for verb, call in calls.items())


def on_bucket(caller: Caller, victim: Tenant, bucket: str) -> Iterator[tuple[str, Action]]:
    """Try one bucket, in the victim's region."""
    s3 = caller.client("s3", victim.region)
    for key in ("originals/lst/med", "pending/a.webp", "renditions/a.webp", "exports/a.csv", "a"):
        calls: Mapping[str, Action] = {
            "put": partial(s3.put_object, Bucket=bucket, Key=key, Body=b"x"),
            "get": partial(s3.get_object, Bucket=bucket, Key=key),
            "delete": partial(s3.delete_object, Bucket=bucket, Key=key),
        }
        yield from ((f"{verb} {bucket}/{key}", call) for verb, call in calls.items())
    whole: Mapping[str, Action] = {
        "list": partial(s3.list_objects_v2, Bucket=bucket),
        "list versions": partial(s3.list_object_versions, Bucket=bucket),
        "read policy of": partial(s3.get_bucket_policy, Bucket=bucket),
        "drop policy of": partial(s3.delete_bucket_policy, Bucket=bucket),
        "delete": partial(s3.delete_bucket, Bucket=bucket),
    }
    yield from ((f"{verb} {bucket}", call) for verb, call in whole.items())


def on_key(caller: Caller, victim: Tenant, ciphertext: bytes) -> Iterator[tuple[str, Action]]:
    """Try the key, named and through something it encrypted."""
    kms, key = caller.client("kms", victim.region), victim.resources.key_arn
    yield "data key", partial(kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    yield "encrypt", partial(kms.encrypt, KeyId=key, Plaintext=b"x")
    yield "decrypt", partial(kms.decrypt, KeyId=key, CiphertextBlob=ciphertext)
    yield "decrypt unnamed", partial(kms.decrypt, CiphertextBlob=ciphertext)
    yield "describe", partial(kms.describe_key, KeyId=key)
    yield "delete", partial(kms.schedule_key_deletion, KeyId=key)


def on_topic(caller: Caller, victim: Tenant) -> Iterator[tuple[str, Action]]:
    """Try the topic."""
    sns, arn = caller.client("sns", victim.region), victim.resources.topic_arn
    yield "publish", partial(sns.publish, TopicArn=arn, Message="x")
    yield "attributes", partial(sns.get_topic_attributes, TopicArn=arn)
    yield "delete", partial(sns.delete_topic, TopicArn=arn)


def on_secrets(caller: Caller, victim: Tenant) -> Iterator[tuple[str, Action]]:
    """Try a secret, by its ARN and by its name."""
    arranging = root(victim.account_id, caller.aws_url).client("secretsmanager", victim.region)
    arn = arranging.describe_secret(SecretId=secret_name(victim))["ARN"]
    secrets = caller.client("secretsmanager", victim.region)
    for secret in (arn, secret_name(victim)):
        calls: Mapping[str, Action] = {
            "read": partial(secrets.get_secret_value, SecretId=secret),
            "write": partial(secrets.put_secret_value, SecretId=secret, SecretString="{}"),
            "describe": partial(secrets.describe_secret, SecretId=secret),
            "open": partial(secrets.delete_resource_policy, SecretId=secret),
            "delete": partial(secrets.delete_secret, SecretId=secret),
        }
        yield from ((f"{verb} secret {secret}", call) for verb, call in calls.items())


def on_tables(caller: Caller, victim: Tenant) -> Iterator[tuple[str, Action]]:
    """Try every table, by its name."""
    for purpose in table_names(victim):
        yield from on_one_table(caller, victim, purpose, by_arn=False)


def on_one_table(caller: Caller, victim: Tenant, purpose: str, *, by_arn: bool) -> Iterator[tuple[str, Action]]:
    """Try one table, by its name or by its ARN."""
    dynamodb, name = caller.client("dynamodb", victim.region), table_names(victim)[purpose]
    table = f"arn:aws:dynamodb:{victim.region}:{victim.account_id}:table/{name}" if by_arn else name
    for verb, call in on_table(dynamodb, table, key_of(purpose)).items():
        yield f"{verb} {table}", call


def key_of(purpose: str) -> dict[str, Any]:
    """A key of a table."""
    has_sort = purpose in {"listings", "orders", "customers", "ledger", "history"}
    return {"pk": {"S": "probe"}, **({"sk": {"S": "probe"}} if has_sort else {})}


def on_table(dynamodb: Any, table: str, key: Mapping[str, Any]) -> dict[str, Action]:
    """Try one table."""
    find = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "probe"}}}
    put = {"Put": {"TableName": table, "Item": key}}
    return {
        "get": partial(dynamodb.get_item, TableName=table, Key=key),
        "query": partial(dynamodb.query, TableName=table, **find),
        "put": partial(dynamodb.put_item, TableName=table, Item=key),
        "update": partial(dynamodb.update_item, TableName=table, Key=key),
        "transact": partial(dynamodb.transact_write_items, TransactItems=[put]),
        "batch get": partial(dynamodb.batch_get_item, RequestItems={table: {"Keys": [key]}}),
        "batch write": partial(dynamodb.batch_write_item, RequestItems={table: [{"DeleteRequest": {"Key": key}}]}),
        "delete item": partial(dynamodb.delete_item, TableName=table, Key=key),
        "scan": partial(dynamodb.scan, TableName=table),
        "describe": partial(dynamodb.describe_table, TableName=table),
        "delete table": partial(dynamodb.delete_table, TableName=table),
    }
