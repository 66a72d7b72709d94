"""The attack table is complete: a surface without its rows is named, with what to add and where."""

import msgspec
import pytest

from apps.storefront.docs import ENDPOINTS
from deploy.local.attacks.endpoints import ENDPOINT_GROUP, find_needed
from deploy.local.attacks.means import Group
from deploy.local.attacks.table import GROUPS, find_gaps
from tests.architecture.sources import broken


class TestTable:
    def test_has_every_surface(self) -> None:
        gaps = list(find_gaps())
        assert not gaps, broken("A tenant can attack these, and no test does:", gaps)

    @pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
    def test_explains_every_means(self, group: Group) -> None:
        used = {means.name for row in group.rows.values() for means in row}
        assert used == {means.name for means in group.means}

    def test_names_what_is_missing(self) -> None:
        group = msgspec.structs.replace(ENDPOINT_GROUP, rows={"getListing": (), "getNothing": ()})
        gaps = list(group.gaps())
        assert (
            "The operation getListing has no attack. Add it to ROWS of deploy/local/attacks/endpoints.py, with these "
            "means: foreign key, foreign token, guessed key, id, tenant parameter." in gaps
        )
        assert "There is no operation getNothing. Remove it from ROWS of deploy/local/attacks/endpoints.py." in gaps
        assert len(gaps) == len(ENDPOINTS) + 1

    def test_derives_the_means_from_the_declaration(self) -> None:
        needed = find_needed([one for one in ENDPOINTS if one.id == "submitOrder"])
        names = [means.name for means in needed["submitOrder"]]
        assert names == [
            "foreign key",
            "foreign token",
            "guessed key",
            "tenant parameter",
            "id in the body",
            "idempotency key",
            "waiting ticket",
        ]
