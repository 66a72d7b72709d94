"""What a provisioned account is after ministack was stopped cleanly once and then killed: still whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.platform import AccessKey, ensure_platform_key
from tests.fixtures.engines import ACCOUNT_A
from tests.fixtures.provisioned import PLATFORM_ACCOUNT, PLATFORM_REGION, external_id_of, provision, stack_of

_REGION = "eu-west-2"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalEngines]:
    with LocalEngines(tmp_path, (ACCOUNT_A,), say=lambda _line: None) as running:
        yield running


def client(service: str, engines: LocalEngines, key: dict[str, str]) -> Any:
    return botocore.session.Session().create_client(
        service,
        endpoint_url=engines.aws_endpoint_url,
        region_name=_REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 2}, read_timeout=5),
    )


def assume(engines: LocalEngines, key: AccessKey) -> dict[str, str]:
    platform = {"AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key}
    response = client("sts", engines, platform).assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT_A}:role/resale-tenant-access-{_REGION}",
        RoleSessionName="test",
        ExternalId=external_id_of("northwind"),
        Tags=[{"Key": "tenant", "Value": "northwind"}],
    )
    return dict(response["Credentials"])


@pytest.mark.slow
def test_keys_roles_and_queues_outlive_a_kill_after_one_clean_stop(own: LocalEngines) -> None:
    key = ensure_platform_key(
        aws_url=own.aws_endpoint_url, account_id=PLATFORM_ACCOUNT, region=PLATFORM_REGION, known=None
    )
    stack = stack_of("northwind", ACCOUNT_A, _REGION, own)
    before = provision(stack, own)
    own.restart_ministack()
    context = {"owner": "shopper"}
    wrapped = client("kms", own, assume(own, key)).generate_data_key(
        KeyId=before.key_arn, KeySpec="AES_256", EncryptionContext=context
    )
    own.kill("ministack")
    own.wait_ready("ministack")

    session = assume(own, key)
    opened = client("kms", own, session).decrypt(
        KeyId=before.key_arn, CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext=context
    )
    client("sqs", own, session).send_message(QueueUrl=before.queues.changes.url, MessageBody="{}")
    assert opened["Plaintext"] == wrapped["Plaintext"]
    assert provision(stack, own) == before
