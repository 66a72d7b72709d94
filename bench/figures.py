"""Measurements, their gates, and the printed table."""

import os
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec


class Baseline(msgspec.Struct, frozen=True):
    """The CPU cost of an empty WSGI response in ms: in this run, and on the machine where the gates were set."""

    here: float
    study: float


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured line. ``gate`` is the maximum; ``naive`` is the same work in the naive view.

    ``baseline`` tells machines apart; the verdict does not ask it. ``load`` is the machine's when it was measured.
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    gate: float
    naive: tuple[float, ...] = ()
    digits: int = 2
    remark: str = ""
    baseline: Baseline | None = None
    load: float = msgspec.field(default_factory=lambda: os.getloadavg()[0])

    @property
    def value(self) -> float:
        """The median."""
        return median(self.samples)

    @property
    def verdict(self) -> str:
        """``ok``, or the excess over the gate with known reasons."""
        if self.value <= self.gate:
            return "ok"
        load = f"load average {self.load:.1f} on {os.cpu_count()} cores"
        reasons = "; ".join(reason for reason in (self.remark, load) if reason)
        return f"OVER: {(self.value / self.gate - 1) * 100:.0f} % above ({reasons})"

    @property
    def in_empty_responses(self) -> str:
        """The cost in empty responses on this machine, and the gate in those of the machine where it was set."""
        if self.baseline is None:
            return "-"
        here, study = self.baseline.here, self.baseline.study
        return f"{self.value / here:.1f} of {here:.2f}; gate {self.gate / study:.1f} of {study:.2f}"


_HEAD = ("what", "unit", "ours", "gate", "spread", "in empty responses", "naive", "times", "verdict")


def table(figures: Iterable[Figure]) -> str:
    """Format figures as a Markdown table that is also readable in a terminal."""
    rows = [_HEAD, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


def _cells(figure: Figure) -> tuple[str, ...]:
    digits = figure.digits
    spread = f"{min(figure.samples):.{digits}f}-{max(figure.samples):.{digits}f}" if len(figure.samples) > 1 else "-"
    naive = median(figure.naive) if figure.naive else None
    return (
        figure.name,
        figure.unit,
        f"{figure.value:.{digits}f}",
        f"{figure.gate:g}",
        spread,
        figure.in_empty_responses,
        "-" if naive is None else f"{naive:.{digits}f}",
        "-" if naive is None else f"{naive / figure.value:.1f}x",
        figure.verdict,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + " |"
