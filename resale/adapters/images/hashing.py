"""The perceptual hash pHash (64 bits): arithmetic on a 32 x 32 grey picture.

pHash (signs of the low cosine frequencies) and not dHash (signs of neighbouring pixels): a product before a
plain backdrop has few real gradients, so most bits of a dHash would be noise there.
Compare by Hamming distance, and only hashes of this one pipeline: another decoder differs in a few bits.
"""

import math
from statistics import median

GREY_EDGE_PX = 32
_LOW_FREQUENCIES = 8
_COSINES = tuple(
    tuple(math.cos(math.pi * frequency * (2 * position + 1) / (2 * GREY_EDGE_PX)) for position in range(GREY_EDGE_PX))
    for frequency in range(_LOW_FREQUENCIES)
)


def hash_grey(pixels: bytes) -> str:
    """Return the hash of a grey picture of ``GREY_EDGE_PX`` squared bytes, row by row.

    Returns:
        16 hex digits; a bit is set where a cosine coefficient is above the median of all 64.

    Source:
        The DCT hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), 3.2.1.
    """
    rows = [_transform(pixels[at : at + GREY_EDGE_PX]) for at in range(0, len(pixels), GREY_EDGE_PX)]
    coefficients = [value for column in zip(*rows, strict=True) for value in _transform(column)]
    middle = median(coefficients)
    bits = sum(1 << place for place, value in enumerate(coefficients) if value > middle)
    return f"{bits:016x}"


def _transform(values: bytes | tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(map(float.__mul__, cosines, map(float, values))) for cosines in _COSINES)
