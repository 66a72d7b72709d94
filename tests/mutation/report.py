"""What became of the mutants, and the documented ones among those alive."""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "mutation.md"
#: The function, the lines before and after: mutants are numbered by function, and the numbers move with the code.
_ROW: Final = re.compile(r"^(\| `[^`]+` \| `(?:[^|]|\\\|)*` \| `(?:[^|]|\\\|)*` \|) [^ …]", re.MULTILINE)
_TYPED: Final = "caught by type check"


#: pytest ends a test that hangs, which then has failed: a mutant that ran into mutmut's own limit proves nothing.
ALIVE: Final = frozenset({"survived", "no tests", "timeout", "suspicious", "segfault", "check was interrupted by user"})


@dataclass(frozen=True)
class Outcome:
    """One mutant. ``row`` is its part of a row of the page, without the reason."""

    module: str
    name: str
    status: str
    row: str


def outcomes() -> list[Outcome]:
    """Return what became of every mutant."""
    found = []
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            status = status_by_exit_code[code]
            row = _row(name, get_diff_for_mutant(name, path=path)) if status in ALIVE else ""
            found.append(Outcome(module=str(path), name=name, status=status, row=row))
    return found


def documented() -> set[str]:
    """Return the rows of the page, without their reasons."""
    return set(_ROW.findall(PAGE.read_text(encoding="utf-8")))


def table(found: list[Outcome]) -> str:
    """Return a row for each module and their sum: mutants, how they ended, the share of those that tests ran on."""
    modules = [*dict.fromkeys(one.module for one in found), "all"]
    lines = ["| module | mutants | type check | killed | alive | not run | killed of those that tests ran on |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for module in modules:
        counts = Counter(one.status for one in found if module in {one.module, "all"})
        killed, typed, waiting = counts["killed"], counts[_TYPED], counts["not checked"]
        alive = counts.total() - killed - typed - waiting
        share = f"{killed / (killed + alive):.1%}" if killed + alive else ""
        lines.append(f"| {module} | {counts.total()} | {typed} | {killed} | {alive} | {waiting} | {share} |")
    return "\n".join(lines)


def say(text: str) -> None:
    """Print lines immediately."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _row(name: str, diff: str) -> str:
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    before, after = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
    module, _, function = name.partition(".x")
    plain = function.partition("__mutmut")[0].removeprefix("_").replace("ǁ", ".").strip(".")
    noun = module.removeprefix("resale.").removeprefix("domain.").removeprefix("application.operations.")
    return f"| `{noun}.{plain}` | `{_cell(before)}` | `{_cell(after)}` |"


def _cell(code: str) -> str:
    return code.replace("|", "\\|") or "(removed)"
