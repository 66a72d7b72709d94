"""The pages are complete: every error code, change, task, setting, target and decision is in them."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.core import problems
from config.settings import environment
from resale.application import reactions
from tests.architecture.sources import ROOT, Source, broken, descendants, dotted, sources, strings

DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
_HEADINGS = ["## Context", "## Decision", "## Consequences", "## Enforced by"]
_DECISION_LINES = 50
_TASK = re.compile(r"[a-z]+\.[a-z_]+")
_VARIABLE = re.compile(r"(RESALE|DJANGO|AWS)_[A-Z0-9_]+|DATABASE_URL|PORT|BIND_HOST|WEB_CONCURRENCY|ONCE")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def first_cells(name: str) -> set[str]:
    """What stands in backquotes in the first column of a page's tables."""
    return {
        found
        for row in re.findall(r"^\| (`[^|]+) \|", page(name), re.MULTILINE)
        for found in re.findall(r"`([^`]+)`", row)
    }


class TestErrors:
    def test_every_outcome_has_a_code_of_its_own(self) -> None:
        offences = [f"{source.at(cls)} {cls.name}" for source, cls in _outcomes() if _own_code(cls) is None]
        reason = "A client acts on the code; an outcome without one would answer with its parent's:"
        assert not offences, broken(reason, offences)

    def test_no_two_outcomes_share_a_code(self) -> None:
        named: dict[str, list[str]] = {}
        for source, cls in _outcomes():
            named.setdefault(_own_code(cls) or "", []).append(f"{source.at(cls)} {cls.name}")
        offences = [f"{code}: {', '.join(places)}" for code, places in named.items() if len(places) > 1]
        assert not offences, broken("One code means one thing:", offences)

    def test_every_code_is_documented_with_its_texts(self) -> None:
        text = page("docs/errors.md")
        rows = [_error_row(source, cls) for source, cls in (*_outcomes(), *_http_errors())]
        missing = [row for row in rows if row not in text]
        assert not missing, broken("Codes are part of the API; rows that docs/errors.md lacks:", missing)

    def test_every_documented_code_is_used(self) -> None:
        used = {text for source in sources("resale", "apps") for text in strings(source.tree)}
        gone = sorted(first_cells("docs/errors.md") - used)
        assert not gone, broken("These codes are documented and nobody says them:", gone)


class TestChangesAndTasks:
    def test_every_change_and_what_follows_it_is_documented(self) -> None:
        text = page("docs/changes.md")
        missing = [row for row in map(_change_row, sorted(reactions.CHANGE_TYPES)) if row not in text]
        assert not missing, broken("The page is the table of reactions; rows in docs/changes.md should begin:", missing)

    def test_no_change_is_documented_that_does_not_exist(self) -> None:
        extra = sorted(first_cells("docs/changes.md") - reactions.CHANGE_TYPES - _task_names())
        assert not extra, broken("docs/changes.md names these, the code does not:", extra)

    def test_every_change_an_operation_makes_is_listed(self) -> None:
        made = {
            text
            for source in sources("resale/application/operations")
            for node in ast.walk(source.tree)
            if isinstance(node, ast.keyword) and node.arg == "change_type"
            for text in strings(node.value)
        }
        missing = sorted(made - reactions.CHANGE_TYPES)
        assert not missing, broken(
            "Every change is in reactions.CHANGE_TYPES, so that what follows is a choice:", missing
        )

    def test_every_task_is_documented(self) -> None:
        missing = sorted(_task_names() - first_cells("docs/changes.md"))
        assert not missing, broken("Task names are never renamed once shipped; add to docs/changes.md:", missing)


class TestReadme:
    def test_the_settings_table_is_the_one_in_the_code(self) -> None:
        text = page("README.md")
        rows = [f"| `{one.name}` | {one.meaning} | {_default(one)} |" for one in environment.VARIABLES]
        missing = [row for row in rows if row not in text]
        assert not missing, broken("Whoever runs this finds its settings in one table; rows README.md lacks:", missing)

    def test_every_other_variable_that_is_read_is_in_a_table(self) -> None:
        missing = sorted(_variables_read() - first_cells("README.md"))
        assert not missing, broken("These are read and not documented in README.md:", missing)

    def test_no_variable_is_in_a_table_that_nobody_reads(self) -> None:
        gone = sorted({name for name in first_cells("README.md") if _VARIABLE.fullmatch(name)} - _variables_read())
        assert not gone, broken("README.md documents these, nothing reads them:", gone)

    def test_every_command_of_ours_is_in_a_table(self) -> None:
        commands = {path.stem for path in ROOT.glob("apps/*/management/commands/[a-z]*.py")}
        missing = sorted(commands - first_cells("README.md"))
        assert not missing, broken("Operators look in README.md for what there is to run; it lacks:", missing)

    def test_every_make_target_it_names_exists(self) -> None:
        pages = "".join(map(page, ("README.md", "CONTRIBUTING.md")))
        named = set(re.findall(r"(?:^|`|= ?1 )make ([a-z][a-z-]+)", pages, re.MULTILINE))
        targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
        assert named >= {"run", "test", "lint", "bench", "clean-data"}
        assert not named - targets, broken("No such target in the Makefile:", sorted(named - targets))

    @pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/errors.md", "docs/changes.md"])
    def test_every_path_it_names_exists(self, name: str) -> None:
        paths = re.findall(r"[`(]((?:resale|apps|config|tests|bench|docs|deploy|docker)/[\w./-]+)[`)]", page(name))
        gone = sorted({path for path in paths if not (ROOT / path).exists()})
        assert not gone, broken(f"{name} points at what is not there:", gone)


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


def _http_errors() -> list[tuple[Source, ast.ClassDef]]:
    return descendants("HTTPError")


def _error_row(source: Source, cls: ast.ClassDef) -> str:
    kind = problems.problem_type_of(getattr(importlib.import_module(source.module), cls.name))
    return f"| `{kind.code}` | {kind.status} | {kind.title} | {kind.detail} |"


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


def _change_row(change_type: str) -> str:
    following = ", ".join(f"`{task}`" for task in reactions.REACTIONS.get(change_type, ()))
    return f"| `{change_type}` | {following or '-'} |"


def _task_names() -> set[str]:
    """Names given to tasks by the workers, and those the reactions send."""
    sent = {value for name, value in vars(reactions).items() if name.isupper() and isinstance(value, str)}
    return {name for name in sent if _TASK.fullmatch(name)} | set(_registered_tasks())


def _registered_tasks() -> Iterator[str]:
    """Names given in the workers as literals; those given as constants are the reactions' own."""
    for source in sources("apps/workers"):
        for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
            if dotted(call.func) == "shared_task" or dotted(call.func).endswith(".task"):
                yield from (text for word in call.keywords if word.arg == "name" for text in strings(word.value))


def _default(variable: environment.Variable) -> str:
    if variable.production:
        return "required in production"
    return "-" if variable.default is None else f"`{variable.default}`"


def _variables_read() -> set[str]:
    """Names of variables that settings, the server's file and the local commands read."""
    places = sources("config", "docker", "deploy/local/management")
    return {text for source in places for text in strings(source.tree) if _VARIABLE.fullmatch(text)}
