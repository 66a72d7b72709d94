"""Engine clients for tests of the machine itself; everything else goes through the adapters."""

from typing import Any

import botocore.session
from botocore.config import Config


def client(service: str, url: str, *, key: str = "111111111111", region: str = "eu-west-2") -> Any:
    """A client that never retries, as the root of an account, which a 12-digit key is."""
    return botocore.session.Session().create_client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5),
    )


def make_table(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
