"""The codec under a pool that forks its workers, as Celery's prefork does."""

import subprocess
import sys

from tests.fixtures.pictures import png, scene


class TestForkSafety:
    def test_children_of_a_parent_that_never_rendered_can_render(self) -> None:
        assert _fork_and_render(parent_renders=False) == "rendered rendered"

    def test_a_child_of_a_parent_that_rendered_says_so_instead_of_hanging(self) -> None:
        assert _fork_and_render(parent_renders=True) == "RuntimeError RuntimeError"

    def test_the_codec_alone_does_not_start_libvips(self) -> None:
        script = (
            "import sys; from resale.adapters.images import vips; vips.VipsImageCodec(); print('pyvips' in sys.modules)"
        )
        assert _run(script) == "False"


def _fork_and_render(*, parent_renders: bool) -> str:
    """Render in two forked children, one after the other; each has 20 s before it is killed by its alarm."""
    data = png(scene(2000, 1500)).hex()
    return _run(
        f"""
import os, signal, sys
from resale.adapters.images.vips import VipsImageCodec
data, codec, parent_renders = bytes.fromhex(sys.stdin.read()), VipsImageCodec(), {parent_renders}

def attempt():
    try:
        codec.render(data)
    except RuntimeError:
        return "RuntimeError"
    return "rendered"

if parent_renders:
    attempt()
said = []
for _ in range(2):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os.write(writer, attempt().encode())
        os._exit(0)
    os.close(writer)
    said.append(os.read(reader, 99).decode() or "died")
    os.waitpid(child, 0)
print(*said)
""",
        data,
    )


def _run(script: str, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], input=text, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
