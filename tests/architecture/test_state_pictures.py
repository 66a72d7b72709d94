"""The page and pictures of the state machines are those of the tables that decide."""

from typing import Any

import pytest

from deploy.local.state_diagrams import DOCS, MACHINES, fingerprint, page
from resale.domain.states import Machine

_MEND = "the tables changed: run manage.py state_pictures"


class TestStatePictures:
    def test_the_page_is_the_tables(self) -> None:
        assert (DOCS / "states.md").read_text(encoding="utf-8") == page(), _MEND

    @pytest.mark.parametrize("machine", [machine for machine, _ in MACHINES], ids=lambda machine: machine.name)
    def test_each_picture_was_made_from_its_table(self, machine: Machine[Any, Any]) -> None:
        picture = (DOCS / "states" / f"{machine.name}.svg").read_text(encoding="utf-8")
        assert fingerprint(machine) in picture.splitlines()[0], _MEND

    def test_there_is_no_other_picture(self) -> None:
        drawn = {path.stem for path in (DOCS / "states").glob("*.svg")}
        assert drawn == {machine.name for machine, _ in MACHINES}
