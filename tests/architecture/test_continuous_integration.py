"""The hosted workflow runs what ``.ci/run`` runs, from pinned actions and without rights; commits have a message."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.architecture.sources import ROOT, broken

FILES = sorted((ROOT / ".github").rglob("*.yml"))
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
_PINNED = re.compile(r"\./.+|[\w./-]+@[0-9a-f]{40}")
_PROOFS = ("test-", "simulate", "kills", "rehearse")

GOOD = "Retry a lost response once\n\nThe provider keeps the first one.\n"
BAD = {
    "no body": "Retry a lost response once\n",
    "no empty line": "Retry a lost response once\nThe provider keeps the first one.\n",
    "only git's comments": "Retry a lost response once\n\n# Please enter the commit message\n",
    "a long subject": f"Retry {'x' * 67}\n\nBecause.\n",
    "a short subject": "Retry it\n\nBecause.\n",
    "a full stop": "Retry a lost response once.\n\nBecause.\n",
}


class TestWorkflow:
    def test_runs_the_commands_of_the_script(self) -> None:
        commands = set(re.findall(r'"(make [a-z-]+)"', (ROOT / ".ci/run").read_text(encoding="utf-8")))
        assert commands >= {"make lint", "make test"}
        assert commands <= {command for job in ("lint", "test") for command in _runs(WORKFLOW["jobs"][job])}

    def test_runs_every_long_proof(self) -> None:
        targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        proofs = {target for target in targets if target.startswith(_PROOFS)}
        commands = WORKFLOW["jobs"]["proof"]["strategy"]["matrix"]["command"]
        played = {command.rpartition("make ")[2].split()[0] for command in commands}
        assert played == proofs, "each long proof of the Makefile is a row of the job `proof`"

    def test_pins_every_action(self) -> None:
        loose = [
            use
            for file in FILES
            for use in re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))
            if not _PINNED.fullmatch(use)
        ]
        assert not loose, broken("A tag can be moved; pin the commit, and name the tag beside it:", loose)

    def test_has_no_rights_but_to_read(self) -> None:
        assert WORKFLOW["permissions"] == {"contents": "read"}
        assert not any("permissions" in job for job in WORKFLOW["jobs"].values())


class TestCommitMessages:
    def test_takes_a_subject_with_a_body(self) -> None:
        assert _is_taken(GOOD)
        assert _is_taken("fixup! Retry a lost response once\n")

    @pytest.mark.parametrize("message", BAD.values(), ids=BAD)
    def test_refuses(self, message: str) -> None:
        assert not _is_taken(message)

    def test_lint_does_not_run_for_the_message(self) -> None:
        assert [hook["id"] for hook in HOOKS if "commit-msg" in hook["stages"]] == ["commit-message"]


def _runs(job: dict[str, Any]) -> Iterator[str]:
    yield from (step["run"] for step in job["steps"] if "run" in step)


def _is_taken(message: str) -> bool:
    """Judge as pre-commit's pygrep does with ``--multiline --negate``."""
    hook = next(hook for hook in HOOKS if hook["id"] == "commit-message")
    assert hook["args"] == ["--multiline", "--negate"]
    return re.search(hook["entry"], message, re.MULTILINE | re.DOTALL) is not None
