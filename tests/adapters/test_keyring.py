"""Sealing for an owner, with keys wrapped by the tenant's own."""

import base64
import threading
import uuid
from typing import Any

import msgspec
import pytest

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.crypto.keyring import DataKeyMissing, KMSKeyring, SealBroken, TenantKeyring
from resale.adapters.dynamodb import keys
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from resale.settings import Settings
from tests.adapters.conftest import OpenSessions
from tests.faults.proxy import Fault, FaultProxy

SECRET = b'{"name":"J\xc3\xb8rgen"}'


@pytest.fixture
def owner_id() -> str:
    return f"cus_{uuid.uuid4().hex}"


@pytest.fixture
def keyring(session: TenantSession, resale_settings: Settings) -> TenantKeyring:
    return KMSKeyring(resale_settings).for_session(session)


@pytest.fixture
def colder_keyring(session: TenantSession, resale_settings: Settings) -> TenantKeyring:
    """Of another process."""
    return KMSKeyring(resale_settings).for_session(session)


def stored_key(session: TenantSession, owner_id: str) -> dict[str, Any]:
    table = session.tenant.resources.tables.keys
    item = session.dynamodb.get_item(table=table, key=dict(keys.data_key_key(owner_id)))
    assert item is not None
    return item


class TestSealing:
    def test_another_process_opens_it(
        self, keyring: TenantKeyring, colder_keyring: TenantKeyring, owner_id: str
    ) -> None:
        sealed = keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        assert SECRET not in base64.b64decode(sealed)
        for reader in (keyring, colder_keyring):
            assert reader.open(owner_id=owner_id, entity_id="ord_1", sealed=sealed) == SECRET

    def test_never_looks_the_same_twice(self, keyring: TenantKeyring, owner_id: str) -> None:
        sealed = {keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET) for _ in range(20)}
        assert len(sealed) == 20

    def test_an_owner_has_one_key(
        self, keyring: TenantKeyring, colder_keyring: TenantKeyring, session: TenantSession, owner_id: str
    ) -> None:
        keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        before = stored_key(session, owner_id)
        colder_keyring.seal(owner_id=owner_id, entity_id="ord_2", plaintext=SECRET)
        assert stored_key(session, owner_id) == before

    def test_a_race_for_the_first_key_has_one_winner(
        self, session: TenantSession, resale_settings: Settings, owner_id: str
    ) -> None:
        racers = [KMSKeyring(resale_settings).for_session(session) for _ in range(8)]
        start = threading.Barrier(len(racers))
        sealed: list[str] = []

        def seal(keyring: TenantKeyring) -> None:
            start.wait()
            sealed.append(keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET))

        threads = [threading.Thread(target=seal, args=(racer,)) for racer in racers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        reader = KMSKeyring(resale_settings).for_session(session)
        opened = [reader.open(owner_id=owner_id, entity_id="ord_1", sealed=text) for text in sealed]
        assert opened == [SECRET] * len(racers)


class TestOpening:
    @pytest.mark.parametrize("position", [0, 1, 2, 13, 14, 20, -1])
    def test_refuses_a_changed_byte(self, position: int, keyring: TenantKeyring, owner_id: str) -> None:
        raw = bytearray(base64.b64decode(keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)))
        raw[position] ^= 1
        with pytest.raises(SealBroken):
            keyring.open(owner_id=owner_id, entity_id="ord_1", sealed=base64.b64encode(raw).decode())

    @pytest.mark.parametrize("sealed", ["", "AQE=", "not base64!", "AQEAAAAA", "ü"])
    def test_refuses_what_was_never_sealed(self, sealed: str, keyring: TenantKeyring, owner_id: str) -> None:
        keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        with pytest.raises(SealBroken):
            keyring.open(owner_id=owner_id, entity_id="ord_1", sealed=sealed)

    def test_refuses_another_entity(self, keyring: TenantKeyring, owner_id: str) -> None:
        sealed = keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        with pytest.raises(SealBroken):
            keyring.open(owner_id=owner_id, entity_id="ord_2", sealed=sealed)

    def test_refuses_another_owner(self, keyring: TenantKeyring, owner_id: str) -> None:
        sealed = keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        other = f"cus_{uuid.uuid4().hex}"
        with pytest.raises(DataKeyMissing):
            keyring.open(owner_id=other, entity_id="ord_1", sealed=sealed)
        keyring.seal(owner_id=other, entity_id="ord_1", plaintext=SECRET)
        with pytest.raises(SealBroken):
            keyring.open(owner_id=other, entity_id="ord_1", sealed=sealed)

    def test_a_key_row_moved_to_another_owner_unwraps_nothing(
        self, keyring: TenantKeyring, colder_keyring: TenantKeyring, session: TenantSession, owner_id: str
    ) -> None:
        sealed = keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        thief = f"cus_{uuid.uuid4().hex}"
        moved = stored_key(session, owner_id) | keys.data_key_key(thief)
        session.dynamodb.put_item(table=session.tenant.resources.tables.keys, item=moved, condition=None)
        with pytest.raises(Unavailable):
            colder_keyring.open(owner_id=thief, entity_id="ord_1", sealed=sealed)

    def test_says_when_the_key_service_does_not_answer(
        self,
        aws_proxy: FaultProxy,
        open_sessions: OpenSessions,
        tenants: tuple[Tenant, Tenant],
        resale_settings: Settings,
        owner_id: str,
    ) -> None:
        session = open_sessions().for_tenant(tenants[0])
        aws_proxy.inject(Fault.UNAVAILABLE, "GenerateDataKey")
        with pytest.raises(Unavailable):
            KMSKeyring(resale_settings).for_session(session).seal(
                owner_id=owner_id, entity_id="ord_1", plaintext=SECRET
            )


class TestTenancy:
    def test_an_owner_of_the_same_name_elsewhere_has_another_key(
        self,
        sessions: TenantSessions,
        tenants: tuple[Tenant, Tenant],
        resale_settings: Settings,
        owner_id: str,
    ) -> None:
        ring = KMSKeyring(resale_settings)
        northwind, atelier = (ring.for_session(sessions.for_tenant(tenant)) for tenant in tenants)
        sealed = northwind.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        atelier.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        with pytest.raises(SealBroken):
            atelier.open(owner_id=owner_id, entity_id="ord_1", sealed=sealed)


class TestMemory:
    def test_a_key_is_unwrapped_again_after_a_while(
        self,
        aws_proxy: FaultProxy,
        open_sessions: OpenSessions,
        tenants: tuple[Tenant, Tenant],
        resale_settings: Settings,
        owner_id: str,
    ) -> None:
        ring = KMSKeyring(msgspec.structs.replace(resale_settings, data_key_cache_seconds=0.0))
        keyring = ring.for_session(open_sessions().for_tenant(tenants[0]))
        sealed = keyring.seal(owner_id=owner_id, entity_id="ord_1", plaintext=SECRET)
        assert keyring.open(owner_id=owner_id, entity_id="ord_1", sealed=sealed) == SECRET
        aws_proxy.inject(Fault.UNAVAILABLE, "Decrypt")  # as for a key that its tenant disabled
        with pytest.raises(Unavailable):
            keyring.open(owner_id=owner_id, entity_id="ord_1", sealed=sealed)

    def test_keys_in_memory_are_bounded(self, session: TenantSession, resale_settings: Settings) -> None:
        ring = KMSKeyring(msgspec.structs.replace(resale_settings, data_key_cache_count=2))
        keyring = ring.for_session(session)
        owners = [f"cus_{uuid.uuid4().hex}" for _ in range(3)]
        sealed = [keyring.seal(owner_id=owner, entity_id="ord_1", plaintext=SECRET) for owner in owners]
        assert ring.find(session.tenant.id, owners[0]) is None
        assert ring.find(session.tenant.id, owners[2]) is not None
        assert keyring.open(owner_id=owners[0], entity_id="ord_1", sealed=sealed[0]) == SECRET
