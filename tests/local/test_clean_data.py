"""``make clean-data`` deletes a folder that nobody uses, and no other."""

from pathlib import Path

import pytest

from deploy.local.clean_data import InUse, clean
from deploy.local.supervisor import locks


@pytest.fixture
def var(tmp_path: Path) -> Path:
    folder = tmp_path / "var"
    (folder / "ministack").mkdir(parents=True)
    (folder / "secrets.json").write_text("{}")
    return folder


class TestClean:
    def test_deletes_what_nobody_uses(self, var: Path) -> None:
        locks.release((locks.acquire(var / locks.PLATFORM, 0),))
        assert clean(var)
        assert not var.exists()
        assert not clean(var)

    @pytest.mark.parametrize("used", [locks.PLATFORM, "ministack/data"])
    def test_leaves_what_a_platform_or_an_engine_holds_and_names_it(self, var: Path, used: str) -> None:
        held = locks.acquire(var / used, 0)
        with pytest.raises(InUse, match=r"in use by `make run` \(process \d+\)[^$]*Stop it first: Ctrl-C"):
            clean(var)
        assert (var / "secrets.json").exists()
        locks.release((held,))
        assert clean(var)

    def test_leaves_a_folder_that_is_not_ours(self, tmp_path: Path) -> None:
        (tmp_path / "novel.txt").write_text("Once upon a time")
        with pytest.raises(InUse, match="does not look like"):
            clean(tmp_path)
        assert (tmp_path / "novel.txt").exists()
