"""Which rendition a page shows, and money as it is written."""

import msgspec
import pytest

from apps.backoffice.photos import find_cover
from apps.backoffice.templatetags.backoffice import money
from resale.application.queries.listings import PublicListing
from resale.domain.media import RENDITION_EDGES_PX, Rendition
from tests.unit.builders import a_listing, a_photo, a_rendition


def test_each_place_gets_its_size_in_webp() -> None:
    renditions = tuple(
        a_rendition(edge_px=edge, width_px=edge, content_type=f"image/{kind}", key=f"renditions/{edge}.{kind}")
        for edge in RENDITION_EDGES_PX
        for kind in ("jpeg", "webp")
    )
    cover = find_cover(_shown(renditions), url_of="https://media.example/{}".format)
    assert cover is not None
    shown = [url.rpartition("/")[2] for url in (cover.thumbnail, cover.detail, cover.large)]
    assert shown == ["320.webp", "800.webp", "1600.webp"]
    assert cover.width_px == 1600


def test_a_small_photo_fills_every_place() -> None:
    cover = find_cover(_shown((a_rendition(edge_px=320),)), url_of="https://media.example/{}".format)
    assert cover is not None
    assert cover.thumbnail == cover.detail == cover.large


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "GBP", "£0.00"),
        (5, "USD", "$0.05"),
        (123_456, "CHF", "1,234.56 CHF"),
        (1_200, "JPY", "¥1,200"),
        (1_234, "KWD", "1.234 KWD"),
    ],
)
def test_money_has_its_currencys_digits(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text


def _shown(renditions: tuple[Rendition, ...]) -> PublicListing:
    document = msgspec.json.encode(a_listing(photos=(a_photo(renditions=renditions),)))
    return msgspec.json.decode(document, type=PublicListing)
