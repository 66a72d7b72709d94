"""Threads that convert into the same struct at once, for the first time: the process survives once types are built."""

import subprocess
import sys
from typing import Annotated

import msgspec
import pytest

from resale.struct_types import build_struct_types

_RACE = """
import sys, threading, types
import msgspec
from resale.struct_types import build_struct_types

def define(number):
    lines, inner = ["import msgspec", "from typing import Annotated"], "int"
    for depth in range(15):
        lines.append(f"class S{depth}(msgspec.Struct):")
        lines += [f"    f{n}: 'Annotated[int, msgspec.Meta(ge=0, le={n + 5})]' = 1" for n in range(20)]
        lines.append(f"    inner: '{inner} | None' = None")
        inner = f"S{depth}"
    module = types.ModuleType(f"defined_{number}")
    sys.modules[module.__name__] = module
    exec("\\n".join(lines), module.__dict__)
    return module.S14

def race(kind):
    barrier = threading.Barrier(8)
    def convert():
        barrier.wait()
        msgspec.convert({"inner": {"inner": {}}}, kind)
    threads = [threading.Thread(target=convert) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

sys.setswitchinterval(1e-6)
for number in range(20):
    kind = define(number)
    if sys.argv[1] == "built":
        build_struct_types()
    race(kind)
"""


class _Inner(msgspec.Struct):
    count: Annotated[int, msgspec.Meta(ge=0)]


class _Unsupported(msgspec.Struct):
    either: "_Inner | _Other"


class _Other(msgspec.Struct):
    name: str


def test_threads_convert_into_built_types() -> None:
    assert _race("built") == 0


@pytest.mark.skipif(
    msgspec.__version__ != "0.22.0", reason="shows the fault of this version; remove all when it is gone"
)
def test_without_it_the_process_dies() -> None:
    assert any(_race("lazily") < 0 for _ in range(5))


def test_a_type_that_msgspec_does_not_support_is_no_error() -> None:
    assert build_struct_types() > 0
    with pytest.raises(TypeError):
        msgspec.convert({}, _Unsupported)


def _race(how: str) -> int:
    return subprocess.run([sys.executable, "-c", _RACE, how], check=False, capture_output=True, timeout=60).returncode
