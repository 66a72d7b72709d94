"""Signatures equal to botocore's."""

import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from resale.adapters.signing import JSONCallSigner, Moment, WallClock

ACCESS_KEY, SECRET = "AKIDEXAMPLEEXAMPLE00", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"
TARGET, CONTENT_TYPE = "DynamoDB_20120810.GetItem", "application/x-amz-json-1.0"


def botocores(body: bytes, *, token: str | None, region: str, host: str) -> tuple[str, str]:
    headers = {"X-Amz-Target": TARGET, "Content-Type": CONTENT_TYPE}
    request = AWSRequest("POST", f"https://{host}/", data=body, headers=headers)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET, token), "dynamodb", region).add_auth(request)
    return request.headers["X-Amz-Date"], request.headers["Authorization"]


class TestJSONCallSigner:
    @pytest.mark.parametrize("token", [None, "FwoGZXIvYXdz/with+all=="])
    @pytest.mark.parametrize("region", ["eu-west-2", "us-east-1"])
    @pytest.mark.parametrize("body", [b"{}", '{"TableName":"grün"}'.encode()])
    @pytest.mark.parametrize("host", ["dynamodb.eu-west-2.amazonaws.com", "127.0.0.1:8123"])
    def test_signs_as_botocore_does(self, token: str | None, region: str, body: bytes, host: str) -> None:
        timestamp, expected = botocores(body, token=token, region=region, host=host)
        signer = JSONCallSigner(region=region, service="dynamodb", host=host, content_type=CONTENT_TYPE)
        credentials = ReadOnlyCredentials(ACCESS_KEY, SECRET, token, None)
        moment = Moment(0, timestamp, timestamp[:8])
        for _ in range(2):  # the second with the cached key
            signed = signer.authorization(target=TARGET, body=body, credentials=credentials, moment=moment)
            assert signed == expected

    def test_derives_the_key_anew_for_another_secret_and_another_day(self) -> None:
        signer = JSONCallSigner(region="eu-west-2", service="dynamodb", host="h", content_type=CONTENT_TYPE)

        def sign(secret: str, day: str) -> str:
            credentials = ReadOnlyCredentials(ACCESS_KEY, secret, None, None)
            moment = Moment(0, f"{day}T000000Z", day)
            return signer.authorization(target=TARGET, body=b"{}", credentials=credentials, moment=moment)

        first = sign("one", "20260101")
        signatures = {first, sign("two", "20260101"), sign("one", "20260102")}
        assert len(signatures) == 3
        assert sign("one", "20260101") == first


class TestWallClock:
    def test_tells_the_present_second(self) -> None:
        before = int(time.time())
        moment = WallClock().now()
        assert before <= moment.second <= int(time.time())
        assert moment.timestamp == time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment.second))
        assert moment.timestamp.startswith(moment.day)
