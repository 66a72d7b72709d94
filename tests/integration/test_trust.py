"""Who may open a session in a tenant's account: the right principal, external id and tag together, and nobody else."""

from collections.abc import Mapping

import pytest

from deploy.local.engines.local import LocalEngines
from resale.domain.tenants import Tenant
from tests.integration.callers import REFUSED, Caller, assume, code_of, root

Pair = tuple[Tenant, Tenant]


class TestTheTrustPolicy:
    def test_opens_a_session_in_the_tenants_account(self, attacker_and_victim: Pair, session: Caller) -> None:
        tenant = attacker_and_victim[0]
        identity = session.client("sts", tenant.region).get_caller_identity()
        assert identity["Account"] == tenant.account_id
        assert identity["Arn"].startswith(
            f"arn:aws:sts::{tenant.account_id}:assumed-role/resale-tenant-access-{tenant.region}/"
        )

    @pytest.mark.parametrize("external_id", ["wrong", "missing", "foreign", "longer"])
    def test_refuses_any_other_external_id(self, attacker_and_victim: Pair, platform: Caller, external_id: str) -> None:
        other, tenant = attacker_and_victim
        shown = {
            "wrong": "0" * 40,
            "missing": None,
            "foreign": other.external_id,
            "longer": tenant.external_id + "0",
        }[external_id]
        assert try_to_assume(platform, tenant, external_id=shown, tags={"tenant": tenant.slug}) in REFUSED

    @pytest.mark.parametrize("tag", ["missing", "wrong", "foreign", "extra", "other key", "other case"])
    def test_refuses_any_other_tag(self, attacker_and_victim: Pair, platform: Caller, tag: str) -> None:
        other, tenant = attacker_and_victim
        shown: Mapping[str, str] = {
            "missing": {},
            "wrong": {"tenant": "nobody"},
            "foreign": {"tenant": other.slug},
            "extra": {"tenant": tenant.slug, "role": "operator"},
            "other key": {"brand": tenant.slug},
            "other case": {"tenant": tenant.slug.upper()},
        }[tag]
        assert try_to_assume(platform, tenant, external_id=tenant.external_id, tags=shown) in REFUSED

    def test_refuses_another_user_of_the_platforms_account(
        self, attacker_and_victim: Pair, engines: LocalEngines
    ) -> None:
        tenant = attacker_and_victim[0]
        iam = root("000000000001", engines.aws_endpoint_url).client("iam", "eu-west-2")
        iam.create_user(UserName="somebody")
        key = iam.create_access_key(UserName="somebody")["AccessKey"]
        somebody = Caller(key["AccessKeyId"], key["SecretAccessKey"], None, engines.aws_endpoint_url)
        ended = try_to_assume(somebody, tenant, external_id=tenant.external_id, tags={"tenant": tenant.slug})
        iam.delete_access_key(UserName="somebody", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="somebody")
        assert ended in REFUSED

    def test_refuses_a_wrong_secret(self, attacker_and_victim: Pair, platform: Caller) -> None:
        tenant = attacker_and_victim[0]
        forged = Caller(platform.access_key_id, "not the secret", None, platform.aws_url)
        ended = try_to_assume(forged, tenant, external_id=tenant.external_id, tags={"tenant": tenant.slug})
        assert ended == "SignatureDoesNotMatch"


class TestThePlatformsUser:
    def test_may_assume_no_other_role(self, attacker_and_victim: Pair, platform: Caller) -> None:
        tenant = attacker_and_victim[0]
        arn = f"arn:aws:iam::{tenant.account_id}:role/resale-PipesRole"
        assert code_of(lambda: assume(platform, arn, tenant.region, external_id=None, tags={})) in REFUSED


def try_to_assume(caller: Caller, tenant: Tenant, *, external_id: str | None, tags: Mapping[str, str]) -> str:
    return code_of(
        lambda: assume(caller, tenant.resources.access_role_arn, tenant.region, external_id=external_id, tags=tags)
    )
