"""The line to a partner: dead, slow to respond, or dead just after the partner did what was asked."""

from collections.abc import Callable
from typing import TypeVar

from resale.domain.partners import PartnerPaused, PartnerUnavailable
from tests.simulation.chance import Chance, Odds
from tests.simulation.store import Crashed

R = TypeVar("R")


class Line:
    """Carries calls to both partners; ``interleave`` lets others act while a partner thinks."""

    def __init__(self, chance: Chance, interleave: Callable[[float], None]) -> None:
        self._chance, self._interleave = chance, interleave
        self.odds = Odds()
        self.mishaps: list[str] = []

    def call(self, name: str, act: Callable[[], R]) -> R:
        odds, chance = self.odds, self._chance
        if chance.happens(odds.partner_paused):
            raise self._note(name, PartnerPaused("too many ask"), "paused")
        if chance.happens(odds.partner_down):
            raise self._note(name, PartnerUnavailable("nobody answers"), "down")
        if chance.happens(odds.partner_crash / 2):
            raise self._note(name, Crashed(), "crash before")
        response = act()
        self._interleave(odds.partner_interleave)
        if chance.happens(odds.partner_answer_lost):
            raise self._note(name, PartnerUnavailable("the response was lost"), "answer lost")
        if chance.happens(odds.partner_crash / 2):
            raise self._note(name, Crashed(), "crash after")
        return response

    def _note(self, name: str, error: BaseException, what: str) -> BaseException:
        self.mishaps.append(f"{name}: {what}")
        return error
