"""What staff type is held to the API's rule: normalised, refused where nobody could read it, and free of cards."""

import unicodedata
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.backoffice.forms import DiscardForm, ReasonsForm, ResolutionForm
from apps.backoffice.tenant_forms import ConnectionForm, KeyForm
from apps.backoffice.text_fields import TextField
from resale.domain.listings import ListingStatus
from resale.domain.text import TextKind, TextRefused, clean_text
from tests.backoffice.staff_clients import Backoffice, StaffClient

FIELDS = {
    "ReasonsForm.note": ReasonsForm.base_fields["note"],
    "DiscardForm.reason": DiscardForm.base_fields["reason"],
    "ResolutionForm.note": ResolutionForm.base_fields["note"],
    "KeyForm.once": KeyForm.base_fields["once"],
    "ConnectionForm.secret_name": ConnectionForm.base_fields["secret_name"],
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
class TestFields:
    def test_normalises(self, field: TextField) -> None:
        assert field.clean(" Cafe\u0301 ") == "Café"

    @pytest.mark.parametrize(
        "text", ["a\uffffb", "abc\x1b[31m", "abc\u202e", "abc\u2067", "\u200bab\x9b", "a" + "\u0301" * 31]
    )
    def test_refuses_what_nobody_could_read(self, field: TextField, text: str) -> None:
        with pytest.raises(ValidationError) as refused:
            field.clean(text)
        assert refused.value.code == "invalid_characters"

    def test_refuses_what_shows_nothing(self, field: TextField) -> None:
        with pytest.raises(ValidationError, match="is blank") as refused:
            field.clean("\u200b\u2060\u0301")
        assert refused.value.code == "blank"

    def test_refuses_a_card_number(self, field: TextField) -> None:
        with pytest.raises(ValidationError, match="card number") as refused:
            field.clean("4111.1111.1111.1111")
        assert "1111" not in str(refused.value)


@settings(derandomize=True, database=None, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_takes_what_the_api_takes(text: str) -> None:
    expected = outcome(lambda: clean_text(text.strip(), TextKind.PARAGRAPHS))
    assert outcome(lambda: TextField(TextKind.PARAGRAPHS, required=False).clean(text)) == expected
    assert expected in {unicodedata.normalize("NFC", text.strip()), "refused: blank", "refused: invalid_characters"}


def outcome(take: Callable[[], str]) -> str:
    try:
        return take()
    except (TextRefused, ValidationError) as refused:
        return f"refused: {refused.code}"


class TestReview:
    def test_a_note_comes_to_the_seller_normalised(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        front = backoffice.front
        seller = front.shopper()
        listing = front.world.pending(seller)
        form = {"decision": "request_changes", "note": "Cafe\u0301\r\nau lait", "version": listing.version}
        moderator.post("listing-return", form, listing_id=listing.id)
        backoffice.record(listing.id)
        shown = front.get(f"/v1/listings/{listing.id}", by=seller).json
        assert (shown["status"], shown["reasons"]) == ("changes_requested", ["Café\r\nau lait"])

    @pytest.mark.parametrize("note", ["Look\uffff", "Look\u202e", "\u200b"])
    def test_a_note_nobody_could_read_decides_nothing(
        self, backoffice: Backoffice, moderator: StaffClient, note: str
    ) -> None:
        listing = backoffice.pending()
        form = {"decision": "reject", "note": note, "version": listing.version}
        page = moderator.post("listing-return", form, listing_id=listing.id)
        assert page.status < 500
        assert "not allowed" in page.text or "is blank" in page.text
        assert backoffice.front.world.listing(listing.id).status == ListingStatus.PENDING_REVIEW
