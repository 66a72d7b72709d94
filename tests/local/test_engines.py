"""The engines as the tests and ``make run`` use them."""

import json
import os
import platform
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from deploy.local.engines import dynoxide
from deploy.local.engines.install import ENGINE_VARIABLE, InstallError, has_dynoxide
from deploy.local.engines.local import LocalEngines
from deploy.local.supervisor import LockRefused, SupervisorError
from tests.local.clients import client, make_table
from tests.local.processes import is_gone, until

ACCOUNTS = ("111111111111", "222222222222")
only_with_dynoxide = pytest.mark.skipif(not has_dynoxide(), reason="no dynoxide: not published, or not chosen")
_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalEngines]:
    """Engines of this test alone, to be killed."""
    with LocalEngines(tmp_path / "data", ACCOUNTS, say=lambda _line: None) as running:
        yield running


class TestLocalEngines:
    def test_answer_on_loopback(self, engines: LocalEngines) -> None:
        urls = (engines.aws_endpoint_url + "/_ministack/health", *engines.dynamodb_endpoints.values())
        for url in urls:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own http URL
                assert response.status == 200

    def test_enforce_signatures(self, engines: LocalEngines) -> None:
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            client("sts", engines.aws_endpoint_url, key="AKIASTRANGER").get_caller_identity()

    def test_give_each_account_its_own_tables(self, own: LocalEngines) -> None:
        first, second = (client("dynamodb", own.dynamodb_endpoints[account], key=account) for account in ACCOUNTS)
        make_table(first)
        assert second.list_tables()["TableNames"] == []

    @only_with_dynoxide
    def test_keep_committed_items_when_dynoxide_is_killed(self, own: LocalEngines) -> None:
        dynamodb = client("dynamodb", own.dynamodb_endpoints[ACCOUNTS[0]])
        make_table(dynamodb)
        dynamodb.put_item(TableName="things", Item={"pk": {"S": "kept"}})
        own.kill(dynoxide.name_of(ACCOUNTS[0]))
        own.wait_ready(dynoxide.name_of(ACCOUNTS[0]))
        assert dynamodb.get_item(TableName="things", Key={"pk": {"S": "kept"}})["Item"] == {"pk": {"S": "kept"}}

    def test_have_the_same_ports_in_the_next_run(self, tmp_path: Path) -> None:
        urls = []
        for _ in range(2):
            with LocalEngines(tmp_path, ACCOUNTS[:1], say=lambda _line: None) as running:
                urls.append((running.aws_endpoint_url, running.dynamodb_endpoints))
        assert urls[0] == urls[1]

    @only_with_dynoxide
    def test_add_the_stream_indexes_to_a_new_file(self, own: LocalEngines) -> None:
        with closing(sqlite3.connect(own.dynamodb_file(ACCOUNTS[0]))) as connection:
            question = "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'x'"
            plan = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
        assert "zz_seq" in str(plan)

    @only_with_dynoxide
    def test_refuse_a_file_of_another_schema(self, tmp_path: Path) -> None:
        strange = tmp_path / "strange.sqlite"
        with closing(sqlite3.connect(strange)) as connection:
            connection.execute("CREATE TABLE _stream_records (id INTEGER)")
        with pytest.raises(SupervisorError, match=r"unexpected stream table \['id'\]"):
            dynoxide.add_indexes(strange)

    @pytest.mark.slow
    def test_refuse_a_folder_in_use_and_leave_its_owner_in_peace(self, own: LocalEngines) -> None:
        ports = (own.data_dir / "ports.json").read_text()
        with pytest.raises(LockRefused), LocalEngines(own.data_dir, ACCOUNTS, say=lambda _line: None):
            pass
        assert (own.data_dir / "ports.json").read_text() == ports
        client("sts", own.aws_endpoint_url).get_caller_identity()

    def test_stand_in_for_dynoxide_elsewhere_and_say_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(platform, "machine", lambda: "riscv64")
        said: list[str] = []
        with LocalEngines(tmp_path, ACCOUNTS, say=said.append) as running:
            assert running.dynamodb_endpoints == dict.fromkeys(ACCOUNTS, running.aws_endpoint_url)
            make_table(client("dynamodb", running.aws_endpoint_url))
        assert len(said) == 1

    def test_stand_in_where_it_is_chosen(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(ENGINE_VARIABLE, "ministack")
        said: list[str] = []
        with LocalEngines(tmp_path, ACCOUNTS, say=said.append) as running:
            assert running.dynamodb_endpoints == dict.fromkeys(ACCOUNTS, running.aws_endpoint_url)
        assert len(said) == 1

    def test_refuse_an_engine_that_nobody_knows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(ENGINE_VARIABLE, "dynalite")
        with pytest.raises(InstallError, match="RESALE_ENGINE=dynalite"), LocalEngines(tmp_path, ACCOUNTS):
            pass


class TestMinistack:
    def test_keeps_queues_over_a_clean_restart_on_the_same_port(self, own: LocalEngines) -> None:
        sqs, url = client("sqs", own.aws_endpoint_url), own.aws_endpoint_url
        generation = own.ministack_files.generation.read_text()
        sqs.create_queue(QueueName="kept")
        own.restart_ministack()
        assert own.aws_endpoint_url == url
        assert sqs.get_queue_url(QueueName="kept")["QueueUrl"].startswith(url)
        assert own.ministack_files.generation.read_text() == generation

    def test_says_by_its_generation_that_messages_may_be_lost(self, own: LocalEngines) -> None:
        generation = own.ministack_files.generation.read_text()
        own.kill("ministack")
        own.wait_ready("ministack")
        assert own.ministack_files.generation.read_text() != generation

    def test_is_marked_only_while_stopped_cleanly(self, tmp_path: Path) -> None:
        engines = LocalEngines(tmp_path, (), say=lambda _line: None)
        with engines:
            assert not engines.ministack_files.marker.exists()
            generation = engines.ministack_files.generation.read_text()
        assert engines.ministack_files.marker.exists()
        with engines:
            assert not engines.ministack_files.marker.exists()
            assert engines.ministack_files.generation.read_text() == generation


_PARENT = """
import json, sys, time
from pathlib import Path
from deploy.local.engines.local import LocalEngines
with LocalEngines(Path(sys.argv[1]), sys.argv[2:], say=lambda line: None) as engines:
    supervisor = engines.supervisor
    print(json.dumps([supervisor.pid(name) for name in supervisor.names()]), flush=True)
    time.sleep(600)
"""


def start_parent(data_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PARENT, str(data_dir), *ACCOUNTS]
    chosen = {name: value for name, value in os.environ.items() if name == ENGINE_VARIABLE}
    environment = {"PYTHONPATH": str(_ROOT), "PATH": os.environ["PATH"], **chosen}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
class TestKilledParent:
    def test_leaves_no_engine_and_the_folder_free_for_the_next(self, tmp_path: Path) -> None:
        for _ in range(2):
            with start_parent(tmp_path) as parent:
                assert parent.stdout is not None
                pids = json.loads(parent.stdout.readline())
                assert len(pids) == (3 if has_dynoxide() else 1)
                parent.kill()
            assert until(lambda pids=pids: all(is_gone(pid) for pid in pids))  # type: ignore[misc]
