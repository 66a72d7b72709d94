"""Type information of msgspec's structs, built before a process starts threads.

msgspec builds it for a class when it first converts or decodes into it, and publishes it before it is complete: a
second thread that converts into the same class meanwhile reads past its end, and the process dies (0.22.0;
``tests/unit/test_struct_types.py`` shows it). What was built is only read.
"""

from collections.abc import Iterator

import msgspec


def build_struct_types() -> int:
    """Build the type information of every struct that is defined so far; call it before the first thread starts.

    Returns:
        How many classes can be converted into. The others have fields of types that msgspec does not support.
    """
    return sum(_try_build(cls) for cls in _iter_subclasses(msgspec.Struct))


def _iter_subclasses(cls: type) -> Iterator[type]:
    subclasses: list[type] = cls.__subclasses__()
    for each in subclasses:
        yield each
        yield from _iter_subclasses(each)


def _try_build(cls: type) -> bool:
    try:
        msgspec.json.Decoder(cls)
    except (TypeError, NameError):  # nothing converts into it: the same error would be raised there
        return False
    return True
