"""What the recorder reads from requests: actions and resources as IAM names them, of the platform's sessions only."""

import json
from http.client import HTTPMessage
from typing import Any

import pytest

from deploy.local.permissions.uses import Use
from tests.faults.requests import Request, Response
from tests.permissions.recording import ACCESS_ROLE, TASK_ROLE, Recorder

BUCKET = "/resale-media-111111111111-eu-west-2"
TABLE = "arn:aws:dynamodb:{region}:{account}:table/{tenant}-"
OBJECT = "arn:aws:s3:::resale-media-{account}-{region}"
OK = Response(200, [], b"{}")


def headers(key: str, service: str, **more: str) -> HTTPMessage:
    message = HTTPMessage()
    message["Authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/20261201/eu-west-2/{service}/aws4_request, x"
    for name, value in more.items():
        message[name.replace("_", "-")] = value
    return message


def call(target: str, service: str, body: Any, key: str = "ASIAOFTHETENANT") -> Request:
    return Request("POST", "/", headers(key, service, X_Amz_Target=target), json.dumps(body).encode())  # type: ignore[arg-type]


def s3(method: str, path: str, body: bytes = b"", **more: str) -> Request:
    return Request(method, path, headers("ASIAOFTHETENANT", "s3", **more), body)  # type: ignore[arg-type]


def assume(session: str, by: str = "AKIAOFTHEPLATFORM") -> Request:
    fields = (
        "Action=AssumeRole&RoleArn=arn:aws:iam::111111111111:role/resale-tenant-access-eu-west-2"
        f"&RoleSessionName={session}&ExternalId=e&Tags.member.1.Key=tenant&Tags.member.1.Value=northwind"
    )
    sent = headers(by, "sts", Content_Type="application/x-www-form-urlencoded")
    return Request("POST", "/", sent, fields.encode())  # type: ignore[arg-type]


ISSUED = Response(200, [], b"<Credentials><AccessKeyId>ASIAOFTHETENANT</AccessKeyId></Credentials>")


@pytest.fixture
def recorder() -> Recorder:
    made = Recorder()
    made.observe(assume("resale-northwind"), ISSUED)
    made.uses.clear()
    return made


def seen(recorder: Recorder, request: Request, response: Response = OK) -> set[tuple[str, str]]:
    recorder.observe(request, response)
    assert recorder.failures == []
    return {(use.action, use.resource) for use in recorder.uses}


class TestSessions:
    def test_are_recorded_with_what_was_shown_for_them(self) -> None:
        recorder = Recorder()
        recorder.observe(assume("resale-northwind"), ISSUED)
        shown = ("sts:ExternalId={external_id}", "aws:TagKeys=tenant", "aws:RequestTag/tenant={tenant}")
        role = "arn:aws:iam::{account}:role/resale-tenant-access-{region}"
        assert recorder.uses == {
            Use(role=TASK_ROLE, action=action, resource=role, context=shown)
            for action in ("sts:AssumeRole", "sts:TagSession")
        }

    @pytest.mark.parametrize(
        ("name", "response"), [("test", ISSUED), ("resale-northwind", Response(403, [], b"AccessDenied"))]
    )
    def test_of_tests_and_refused_ones_are_not(self, name: str, response: Response) -> None:
        recorder = Recorder()
        recorder.observe(assume(name), response)
        assert seen(recorder, call("AmazonSQS.PurgeQueue", "sqs", {"QueueUrl": "http://x/1/northwind-orders"})) == set()

    def test_of_a_tenant_carry_its_tag(self, recorder: Recorder) -> None:
        recorder.observe(call("TrentService.Decrypt", "kms", {"KeyId": "arn:aws:kms:eu-west-2:111111111111:key/9"}), OK)
        (use,) = recorder.uses
        assert (use.role, use.context) == (ACCESS_ROLE, ("aws:PrincipalTag/tenant={tenant}",))
        assert use.resource == "arn:aws:kms:{region}:{account}:key/{id}"


class TestRequests:
    def test_of_tables_name_table_and_index(self, recorder: Recorder) -> None:
        body = {"TableName": "northwind-orders", "IndexName": "due"}
        assert seen(recorder, call("DynamoDB_20120810.Query", "dynamodb", body)) == {
            ("dynamodb:Query", f"{TABLE}orders/index/due")
        }

    def test_of_transactions_need_the_permission_of_each_action(self, recorder: Recorder) -> None:
        actions = [{"Put": {"TableName": "northwind-orders"}}, {"ConditionCheck": {"TableName": "northwind-keys"}}]
        assert seen(recorder, call("DynamoDB_20120810.TransactWriteItems", "dynamodb", {"TransactItems": actions})) == {
            ("dynamodb:PutItem", f"{TABLE}orders"),
            ("dynamodb:ConditionCheckItem", f"{TABLE}keys"),
        }

    def test_of_streams_know_the_stream_of_an_iterator(self, recorder: Recorder) -> None:
        arn = "arn:aws:dynamodb:eu-west-2:111111111111:table/northwind-orders/stream/2026-12-01T00:00:00.000"
        first = call("DynamoDBStreams_20120810.GetShardIterator", "dynamodb", {"StreamArn": arn})
        recorder.observe(first, Response(200, [], b'{"ShardIterator": "one"}'))
        read = call("DynamoDBStreams_20120810.GetRecords", "dynamodb", {"ShardIterator": "one"})
        assert ("dynamodb:GetRecords", f"{TABLE}orders/stream/{{id}}") in seen(recorder, read)

    def test_of_batches_need_the_permission_of_one(self, recorder: Recorder) -> None:
        sent = call("AmazonSQS.SendMessageBatch", "sqs", {"QueueUrl": "http://x/111111111111/northwind-orders"})
        assert seen(recorder, sent) == {("sqs:SendMessage", "arn:aws:sqs:{region}:{account}:{tenant}-orders")}

    @pytest.mark.parametrize(
        ("request_", "needed"),
        [
            (s3("GET", f"{BUCKET}/pending/a.webp"), {("s3:GetObject", "/pending/{id}")}),
            (s3("GET", f"{BUCKET}/originals/a/b?versionId=1"), {("s3:GetObjectVersion", "/originals/{id}")}),
            (s3("GET", f"{BUCKET}?versions&prefix=a"), {("s3:ListBucketVersions", "")}),
            (s3("GET", f"{BUCKET}?list-type=2"), {("s3:ListBucket", "")}),
            (s3("DELETE", f"{BUCKET}/pending/a"), {("s3:DeleteObject", "/pending/{id}")}),
            (
                s3("PUT", f"{BUCKET}/renditions/a", x_amz_copy_source=f"{BUCKET}/pending/a"),
                {("s3:GetObject", "/pending/{id}"), ("s3:PutObject", "/renditions/{id}")},
            ),
            (
                s3("POST", f"{BUCKET}?delete", b"<Delete><Object><Key>retired/a</Key></Object></Delete>"),
                {("s3:DeleteObject", "/retired/{id}")},
            ),
        ],
        ids=["get", "version", "list versions", "list", "delete", "copy", "delete many"],
    )
    def test_of_objects_name_their_folder(
        self, recorder: Recorder, request_: Request, needed: set[tuple[str, str]]
    ) -> None:
        assert seen(recorder, request_) == {(action, OBJECT + rest) for action, rest in needed}

    def test_of_a_missing_object_need_the_list_as_well(self, recorder: Recorder) -> None:
        missing = Response(404, [], b"")
        assert ("s3:ListBucket", OBJECT) in seen(recorder, s3("HEAD", f"{BUCKET}/originals/-"), missing)

    def test_of_forms_and_links_are_their_signers(self, recorder: Recorder) -> None:
        credential = "ASIAOFTHETENANT/20261201/eu-west-2/s3/aws4_request"
        sent = HTTPMessage()
        sent["Content-Type"] = "multipart/form-data; boundary=x"
        form = f'name="key"\r\n\r\noriginals/a\r\n--x\r\nname="x-amz-credential"\r\n\r\n{credential}\r\n'
        recorder.observe(Request("POST", BUCKET, sent, form.encode()), Response(204, [], b""))  # type: ignore[arg-type]
        link = f"{BUCKET}/retired/a?X-Amz-Credential={credential.replace('/', '%2F')}"
        found = seen(recorder, Request("GET", link, HTTPMessage(), b""))  # type: ignore[arg-type]
        assert found == {("s3:PutObject", f"{OBJECT}/originals/{{id}}"), ("s3:GetObject", f"{OBJECT}/retired/{{id}}")}

    def test_that_iam_refused_are_apart(self, recorder: Recorder) -> None:
        denied = Response(400, [], b'{"__type": "AccessDeniedException"}')
        assert (
            seen(recorder, call("DynamoDB_20120810.Scan", "dynamodb", {"TableName": "northwind-orders"}), denied)
            == set()
        )

    def test_whose_condition_failed_are_not(self, recorder: Recorder) -> None:
        failed = Response(400, [], b'{"__type": "x#ConditionalCheckFailedException"}')
        assert seen(recorder, call("DynamoDB_20120810.PutItem", "dynamodb", {"TableName": "northwind-keys"}), failed)

    def test_that_nobody_knows_stay_visible(self, recorder: Recorder) -> None:
        found = seen(recorder, call("Odd_20200101.Act", "odd", {}))
        assert {action for action, _ in found} == {"Odd:Act"}

    def test_that_cannot_be_read_fail_the_run(self, recorder: Recorder) -> None:
        recorder.observe(call("DynamoDB_20120810.TransactWriteItems", "dynamodb", {}), OK)
        assert recorder.failures
