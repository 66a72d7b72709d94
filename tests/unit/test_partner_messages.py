"""A partner's own message: one bounded line for staff, without what is invisible or can be somebody's number."""

import pytest

from resale.domain.partner_messages import MESSAGE_CHARS_MAX, clean_message


class TestCleanMessage:
    def test_keeps_a_sentence_as_it_is(self) -> None:
        assert clean_message("Your card has insufficient funds.") == "Your card has insufficient funds."

    @pytest.mark.parametrize("nothing", [None, "", " \n ", "\u200b\u200b", 7, {"message": "no"}])
    def test_of_nothing_to_read_is_none(self, nothing: object) -> None:
        assert clean_message(nothing) is None

    def test_is_one_line_of_visible_characters(self) -> None:
        assert clean_message("Bank\r\n said:\tno\u202e\x00.") == "Bank said: no."

    @pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111", "12-34-56-78"])
    def test_masks_numbers_of_cards_and_accounts(self, number: str) -> None:
        assert clean_message(f"No account {number} there.") == "No account … there."

    def test_keeps_short_numbers(self) -> None:
        assert clean_message("Retry after 24 hours, code 5104.") == "Retry after 24 hours, code 5104."

    def test_is_bounded(self) -> None:
        message = clean_message("word " * 200)
        assert message is not None
        assert len(message) == MESSAGE_CHARS_MAX
        assert message.endswith("…")
