"""``.venv`` is whole or made anew, whatever ended the one who made it; the interpreter here is a small stand-in."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.virtual_environment import SetupFailed, VirtualEnvironment

_ROOT = Path(__file__).resolve().parents[2]
_LOCK = "uv==1.0 \\\n    --hash=sha256:aa\nother==2.0 \\\n    --hash=sha256:bb\n"
#: Notes what it is asked, makes what `-m venv` makes, and fails at the step that the file `fails-at` names.
_PYTHON = """#!/bin/sh
root={root}
[ "$1" = -c ] && step=check || step="$2"
echo "$step" >> "$root/steps"
if [ "$step" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
if [ "$step" = "$(cat "$root/fails-at" 2>/dev/null)" ]; then echo "no $step here" >&2; exit 1; fi
"""


class Checkout:
    """A folder with a lock file, and a Python to make its environment from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / "requirements-dev.lock").write_text(_LOCK)
        self.python = root / "python"
        self.python.write_text(_PYTHON.format(root=f"'{root}'"))
        self.python.chmod(self.python.stat().st_mode | stat.S_IXUSR)

    def prepare(self, *, failing_at: str = "") -> list[str]:
        """Prepare it; returns the steps that were taken."""
        (self.root / "fails-at").write_text(failing_at)
        (self.root / "steps").write_text("")
        VirtualEnvironment(self.root, python=str(self.python), say=lambda _line: None).prepare()
        return self.steps

    @property
    def steps(self) -> list[str]:
        return (self.root / "steps").read_text().split()


ALL = ["check", "venv", "pip", "uv"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "mit ö und Leerzeichen")


class TestVirtualEnvironment:
    def test_is_made_once(self, checkout: Checkout) -> None:
        assert checkout.prepare() == ALL
        assert checkout.prepare() == []
        assert (checkout.root / ".venv/uv.txt").read_text() == "uv==1.0 \\\n    --hash=sha256:aa\n"

    @pytest.mark.parametrize("step", ["venv", "pip", "uv"])
    def test_is_made_anew_when_its_making_ended_half_way(self, checkout: Checkout, step: str) -> None:
        with pytest.raises(SetupFailed, match=f"no {step} here"):
            checkout.prepare(failing_at=step)
        (checkout.root / ".venv/half").touch()
        assert checkout.prepare() == ALL
        assert not (checkout.root / ".venv/half").exists()

    def test_is_brought_up_to_date_with_its_lock(self, checkout: Checkout) -> None:
        checkout.prepare()
        (checkout.root / "requirements-dev.lock").write_text(_LOCK + "third==3.0\n")
        assert checkout.prepare() == ["pip", "uv"]

    def test_is_made_anew_when_bringing_it_up_to_date_ended_half_way(self, checkout: Checkout) -> None:
        checkout.prepare()
        (checkout.root / "requirements-dev.lock").write_text(_LOCK + "third==3.0\n")
        with pytest.raises(SetupFailed):
            checkout.prepare(failing_at="uv")
        assert checkout.prepare() == ALL

    def test_is_made_anew_where_its_folder_was_moved(self, checkout: Checkout, tmp_path: Path) -> None:
        checkout.prepare()
        shutil.copytree(checkout.root / ".venv", tmp_path / "kept")
        moved = Checkout(tmp_path / "moved")
        (tmp_path / "kept").rename(moved.root / ".venv")
        assert moved.prepare() == ALL

    def test_is_made_anew_when_its_interpreter_is_gone(self, checkout: Checkout) -> None:
        checkout.prepare()
        (checkout.root / ".venv/bin/python").unlink()
        assert checkout.prepare() == ALL

    def test_leaves_nothing_where_python_cannot_make_one_and_says_what_to_install(self, checkout: Checkout) -> None:
        with pytest.raises(SetupFailed, match="sudo apt install python3-venv"):
            checkout.prepare(failing_at="check")
        assert not (checkout.root / ".venv").exists()
        assert checkout.prepare() == ALL


def test_make_says_what_to_install_where_there_is_no_python() -> None:
    done = subprocess.run(
        ["make", "install", "PYTHON=python-of-nobody"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "python-of-nobody is not found. Install Python 3.11 or newer" in done.stderr


def test_it_needs_nothing_that_it_installs() -> None:
    """As does ``make clean-data``: both run on whatever Python there is."""
    for module in ("deploy.local.virtual_environment", "deploy.local.clean_data"):
        bare = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(_ROOT)!r}); import {module}"]
        subprocess.run(bare, check=True, timeout=20)
