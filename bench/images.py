"""The cost of one upload: CPU and peak memory of a 12-megapixel JPEG into six renditions. ``python -m bench.images``.

Each run is a worker of its own that renders the picture twice, in the process that workers start for it: CPU (user +
system, of both processes) is that of the second time, as of every image but a worker's first; the peak is that of the
process that renders, interpreter and libvips included. Medians of interleaved runs. Two pictures, because the encoders'
work depends on what they show.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pyvips

from bench.figures import Figure, table

_WIDTH_PX, _HEIGHT_PX = 4000, 3000
_FILE_BYTES = 2_050_000  # what a telephone makes of 12 megapixels
_GATE_CPU_MS, _GATE_PEAK_MIB = 400, 150


class Cost(msgspec.Struct, frozen=True):
    """One run, or the median of several."""

    cpu_ms: float
    peak_mib: float


def main() -> None:
    """Create the pictures, measure, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--child", type=Path, help="render this file once and print the cost (used by the runs)")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(msgspec.to_builtins(_render_once(options.child))))
    else:
        print(table(figures(measure(options.runs))))


def measure(runs: int) -> dict[str, list[Cost]]:
    """Return the cost of each picture in each of ``runs`` runs, alternating between pictures."""
    with tempfile.TemporaryDirectory() as folder:
        pictures: dict[str, Path] = {}
        for name, draw in _PICTURES.items():
            pictures[name] = Path(folder) / f"{len(pictures)}.jpg"
            pictures[name].write_bytes(draw())
        taken: dict[str, list[Cost]] = {name: [] for name in pictures}
        for _ in range(runs):
            for name, path in pictures.items():
                taken[name].append(_run_child(path))
    return taken


def figures(taken: dict[str, list[Cost]]) -> list[Figure]:
    """Return a line for the CPU and one for the peak of each picture."""
    return [figure for name, costs in taken.items() for figure in _figures_of(name, costs)]


def _figures_of(name: str, costs: list[Cost]) -> tuple[Figure, Figure]:
    cpu = Figure(
        name=f"12 MP JPEG, 6 renditions: {name}",
        unit="CPU ms",
        gate=_GATE_CPU_MS,
        samples=tuple(cost.cpu_ms for cost in costs),
        digits=0,
    )
    peak = Figure(
        name="  its process, maximum",
        unit="MiB peak",
        gate=_GATE_PEAK_MIB,
        samples=tuple(cost.peak_mib for cost in costs),
        digits=0,
    )
    return cpu, peak


def _run_child(path: Path) -> Cost:
    done = subprocess.run(
        [sys.executable, "-m", "bench.images", "--child", str(path)], stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Cost)


def _render_once(path: Path) -> Cost:
    from resale.adapters.images.isolated import IsolatedImageCodec  # noqa: PLC0415 - the parent measures nothing

    data = path.read_bytes()
    with closing(IsolatedImageCodec()) as codec:
        codec.render(data)
        before = _read_cpu_ms(codec.process_id)
        image = codec.render(data)
        cpu_ms = _read_cpu_ms(codec.process_id) - before
        assert len(image.renditions) == 6  # noqa: S101 - a benchmark of something else would be worse than a crash
        return Cost(cpu_ms, _read_peak_mib(codec.process_id))


def _read_cpu_ms(renderer: int | None) -> float:
    ticks = Path(f"/proc/{renderer}/stat").read_text().rpartition(")")[2].split()[11:13]
    return time.process_time() * 1000 + sum(map(int, ticks)) * 1000 / os.sysconf("SC_CLK_TCK")


def _read_peak_mib(renderer: int | None) -> float:
    # VmHWM and not ru_maxrss: that one is inherited over exec, so it would show the parent's (getrusage(2)).
    lines = Path(f"/proc/{renderer}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


# ---------------------------------------------------------------- the pictures
def _draw_shapes() -> bytes:
    """Draw gradients, soft noise, sensor grain and 60 flat discs, rotated: a product in a room."""
    xy = pyvips.Image.xyz(_WIDTH_PX, _HEIGHT_PX)
    waves = (xy[0] * math.degrees(1 / 640)).sin() * 90 + 128, (xy[1] * math.degrees(1 / 480)).cos() * 90 + 128
    gradients = waves[0].bandjoin([waves[1], (xy[0] + xy[1]) * (255 / (_WIDTH_PX + _HEIGHT_PX))])
    scene = gradients * 0.75 + _draw_noise(grain_px=4, sigma=45, mean=128) * 0.25
    discs = pyvips.Image.svgload_buffer(_draw_discs(60).encode())
    grain = pyvips.Image.gaussnoise(_WIDTH_PX, _HEIGHT_PX, mean=0, sigma=3, seed=1)
    return _save(_as_rgb(_as_rgb(scene + grain).composite2(discs, "over")[:3]))


def _draw_texture() -> bytes:
    """Draw detail at every scale in Display P3: knitwear that fills the frame of a recent telephone."""
    detail = _draw_noise(grain_px=40, sigma=60, mean=128) + _draw_noise(grain_px=8, sigma=18) + _draw_noise(1, sigma=6)
    return _save(_as_rgb(detail), profile="p3")


_PICTURES = {"shapes on gradients": _draw_shapes, "texture all over, Display P3": _draw_texture}


def _draw_noise(grain_px: int, *, sigma: float, mean: float = 0) -> pyvips.Image:
    width, height = _WIDTH_PX // grain_px, _HEIGHT_PX // grain_px
    bands = [pyvips.Image.gaussnoise(width, height, mean=mean, sigma=sigma, seed=seed) for seed in (1, 2, 3)]
    return bands[0].bandjoin(bands[1:]).resize(grain_px, kernel="cubic")


def _draw_discs(count: int) -> str:
    rng = random.Random(1)  # noqa: S311 - the same picture each time
    discs = "".join(
        f'<circle r="{rng.randrange(15, 200)}" cx="{rng.randrange(_WIDTH_PX)}" cy="{rng.randrange(_HEIGHT_PX)}"'
        f' fill="#{rng.randrange(1 << 24):06x}"/>'
        for _ in range(count)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH_PX}" height="{_HEIGHT_PX}">{discs}</svg>'


def _as_rgb(image: pyvips.Image) -> pyvips.Image:
    return image.cast("uchar").copy(interpretation="srgb")


def _save(image: pyvips.Image, *, profile: str = "srgb") -> bytes:
    """Encode with EXIF orientation 6, at the highest quality within the file size."""
    turned = image.copy_memory()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    encoded = (turned.jpegsave_buffer(Q=quality, profile=profile) for quality in range(90, 30, -3))
    return next(bytes(data) for data in encoded if len(data) <= _FILE_BYTES)


if __name__ == "__main__":
    main()
