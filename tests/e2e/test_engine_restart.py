"""After the engine of S3 and STS was killed, photos can be uploaded again without anything else being restarted."""

import pytest

from tests.e2e.machine import Machine, eventually
from tests.e2e.processes import outlives_kills
from tests.e2e.shops import Picture, Shop, send_picture
from tests.fixtures.pictures import jpeg, scene

pytestmark = [outlives_kills, pytest.mark.slow, pytest.mark.timeout(240)]


class TestAKilledEngine:
    def test_takes_uploads_again_by_itself(self, machine: Machine) -> None:
        shop, small = Shop(machine, "northwind"), Picture(jpeg(scene(64, 48)))
        seller = shop.shopper()
        assert send_picture(shop.draft(seller, [small])["images"][0], small).status == 204
        machine.kill("ministack")

        def uploaded() -> int:
            draft = shop.draft(seller, [small])
            return send_picture(draft["images"][0], small).status

        eventually(uploaded, lambda status: status == 204, until="S3 takes what is signed now", seconds=45)
