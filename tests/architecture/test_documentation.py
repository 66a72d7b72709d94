"""The pages are complete: every error code, change, task, setting, target and decision is in them."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import environment
from deploy.local.reference.change_types import tasks
from deploy.local.reference.error_codes import error_codes, field_codes
from resale.domain import task_names
from resale.domain.changes import ChangeType
from tests.architecture.sources import ROOT, Source, broken, calls, descendants, dotted, sources, strings

DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
#: What is true now; the changelog tells how it came to be, and may name what is gone.
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {ROOT / "CHANGELOG.md"})
_HEADINGS = ["## Context", "## Decision", "## Consequences", "## Enforced by"]
_DECISION_LINES = 50
_TASK = re.compile(r"[a-z]+\.[a-z_]+")
_VARIABLE = re.compile(r"(RESALE|DJANGO|AWS)_[A-Z0-9_]+|DATABASE_[A-Z]+|PORT|BIND_HOST|WEB_CONCURRENCY|ONCE")
_DECLARED = {variable.name for variable in (*environment.VARIABLES, *environment.SERVER_VARIABLES)}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


class TestErrors:
    def test_every_outcome_has_a_code_of_its_own(self) -> None:
        offences = [f"{source.at(cls)} {cls.name}" for source, cls in _outcomes() if _own_code(cls) is None]
        reason = "A client acts on the code; an outcome without one would respond with its parent's:"
        assert not offences, broken(reason, offences)

    def test_no_two_outcomes_share_a_code(self) -> None:
        named: dict[str, list[str]] = {}
        for source, cls in _outcomes():
            named.setdefault(_own_code(cls) or "", []).append(f"{source.at(cls)} {cls.name}")
        offences = [f"{code}: {', '.join(places)}" for code, places in named.items() if len(places) > 1]
        assert not offences, broken("One code means one thing:", offences)

    def test_every_code_is_documented(self) -> None:
        missing = [f"{source.at(cls)} {cls.name}" for source, cls in _outcomes() if _own_code(cls) not in error_codes()]
        assert not missing, broken("The generated page imports every module that defines an error; it missed:", missing)

    def test_every_documented_code_is_used(self) -> None:
        used = {text for source in sources("resale", "apps") for text in strings(source.tree)}
        gone = sorted((error_codes().keys() | field_codes()) - used)
        assert not gone, broken("These codes are documented and nothing uses them:", gone)


class TestChangesAndTasks:
    def test_every_change_type_is_made(self) -> None:
        made = {
            node.attr
            for source in sources("resale/application/operations", "resale/adapters")
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute) and dotted(node.value) == "ChangeType"
        }
        gone = sorted(set(ChangeType.__members__) - made)
        assert not gone, broken("Nothing makes these changes; remove their types (histories keep the texts):", gone)

    def test_every_task_that_is_sent_is_defined(self) -> None:
        missing = sorted(_task_names() - tasks().keys())
        assert not missing, broken("The workers have no task of this name:", missing)


class TestSettings:
    def test_every_variable_that_is_read_is_declared(self) -> None:
        missing = sorted(_variables_read() - _DECLARED)
        assert not missing, broken("Declare these in config/settings/environment.py:", missing)

    def test_every_declared_variable_is_read(self) -> None:
        gone = sorted(_DECLARED - _variables_read())
        assert not gone, broken("config/settings/environment.py declares these, nothing reads them:", gone)


class TestPages:
    def test_every_make_target_they_name_exists(self) -> None:
        text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
        named = set(re.findall(r"(?:^|`|= ?1 )make ([a-z][a-z-]+)", text, re.MULTILINE))
        targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
        assert named >= {"run", "test", "lint", "bench", "clean-data"}
        assert not named - targets, broken("No such target in the Makefile:", sorted(named - targets))

    @pytest.mark.parametrize("name", [path.relative_to(ROOT).as_posix() for path in PAGES])
    def test_every_path_it_names_exists(self, name: str) -> None:
        paths = re.findall(r"[`(]((?:resale|apps|config|tests|bench|docs|deploy|docker)/[\w./-]+)[`)]", page(name))
        gone = sorted({path for path in paths if not (ROOT / path).exists()})
        assert not gone, broken(f"{name} points at what is not there:", gone)

    def test_security_names_the_release_that_is_supported(self) -> None:
        release = tomllib.loads(page("pyproject.toml"))["project"]["version"].rpartition(".")[0]
        assert f"the latest release ({release})" in page("SECURITY.md")


class TestDecisions:
    def test_each_has_a_number_of_its_own(self) -> None:
        numbers = [int(path.name[:4]) for path in DECISIONS]  # work under way may have reserved the ones between
        assert len(numbers) == len(set(numbers))

    @pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
    def test_each_is_short_and_has_its_four_headings(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {path.name[:4]} "), "the title begins with the number"
        assert [line for line in lines if line.startswith("## ")] == _HEADINGS
        assert len(lines) <= _DECISION_LINES, f"{len(lines)} lines; a decision is read before a change, so it is short"


def _outcomes() -> list[tuple[Source, ast.ClassDef]]:
    return descendants("Outcome")


def _own_code(cls: ast.ClassDef) -> str | None:
    for node in cls.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id == "code" and isinstance(value, ast.Constant):
            return str(value.value)
    return None


def _task_names() -> set[str]:
    """Names of the tasks there are."""
    sent = {str(value) for name, value in vars(task_names).items() if name.isupper()}
    return {name for name in sent if _TASK.fullmatch(name)}


def _variables_read() -> set[str]:
    """Names of variables that settings, the server's file and the local commands read."""
    places = sources("config", "docker", "deploy/local/management", "deploy/local/engines/install.py", "manage.py")
    return {
        text
        for source in places
        for text in _strings_outside(source.tree, "Variable")
        if text in _DECLARED or _VARIABLE.fullmatch(text)
    }


def _strings_outside(tree: ast.Module, declaration: str) -> Iterator[str]:
    """Every string that is no argument of a declaration."""
    declared = {id(argument) for call, name in calls(tree) if name == declaration for argument in call.args}
    yield from (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in declared
    )
