"""axe-core, which checks accessibility: fetched for the browser tests, never shipped."""

from pathlib import Path
from typing import Final

from deploy.local.engines.install import ENGINES_DIR, Say, one_at_a_time, open_draft, say_line, unpack_npm_file

AXE_VERSION: Final = "4.14.1"
# npm's integrity value of that package, base64 (npm view axe-core@4.14.1 dist.integrity). Licence: MPL-2.0.
AXE_SHA512: Final = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


def install_axe(engines_dir: Path = ENGINES_DIR, say: Say = say_line) -> Path:
    """Return the script of axe-core; fetch it with npm if it is missing.

    Raises:
        InstallError: npm or the network is missing, or what came is not what was pinned.
    """
    home = engines_dir / f"axe-core-{AXE_VERSION}"
    script = home / "axe.min.js"
    engines_dir.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(engines_dir):
        if script.exists():
            return script
        say(f"fetching axe-core {AXE_VERSION} (accessibility checks, 0.7 MB) with npm …")
        with open_draft(engines_dir, home) as draft:
            unpack_npm_file(f"axe-core@{AXE_VERSION}", "axe.min.js", draft / "axe.min.js", sha512=AXE_SHA512)
    return script
