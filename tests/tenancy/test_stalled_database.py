"""A PostgreSQL that accepts and does not respond: this process gives it up, and serves what it knows."""

import os
import signal
import threading
import time

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from apps.tenancy.cache import ReadThroughCache, Source
from config.settings import environment


@pytest.mark.django_db
def test_a_connection_is_given_up_at_its_deadline(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    settings = environment.database("sqlite:///")
    settings["OPTIONS"]["deadline_seconds"] = 0.3
    connection = ConnectionHandler({"default": settings})["default"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = cursor.fetchone()[0]
    os.kill(server, signal.SIGSTOP)
    try:
        with pytest.raises(OperationalError, match=r"no response within 0\.3 s"), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        os.kill(server, signal.SIGCONT)
    assert not connection.is_usable()
    connection.close()
    with connection.cursor() as cursor:  # a new one, to a server that responds again
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
    connection.close()


def test_only_the_thread_that_loads_waits_for_a_source_that_stands_still() -> None:
    now, stands_still, loading = [0.0], threading.Event(), threading.Event()

    def load(key: str) -> str:
        if now[0]:
            loading.set()
            stands_still.wait(30)
        return key.upper()

    cache = ReadThroughCache(load, source=Source(lambda: now[0]), down=OSError)
    assert cache.get("key") == "KEY"
    now[0] = 31.0
    first = threading.Thread(target=cache.get, args=("key",))
    first.start()
    assert loading.wait(30)
    try:
        began = time.monotonic()
        assert cache.get("key") == "KEY"
        assert time.monotonic() - began < 20
        assert first.is_alive()
    finally:
        stands_still.set()
        first.join()
