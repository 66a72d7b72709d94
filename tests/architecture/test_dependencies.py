"""Pins, locks and the page that says why each dependency is there agree."""

import re
import tomllib

from tests.architecture.sources import ROOT, broken

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_PIN = re.compile(r"([A-Za-z0-9._-]+)(\[[^\]]+\])?==([\w.]+)")


def _pins(requirements: list[str]) -> dict[str, str]:
    found = {pinned: _PIN.fullmatch(pinned) for pinned in requirements}
    loose = [pinned for pinned, match in found.items() if match is None]
    assert not loose, broken("A version that moves by itself breaks a build nobody touched; pin with ==:", loose)
    return {_canonical(match[1]): match[3] for match in found.values() if match is not None}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        _canonical(package): version for package, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    }


RUNTIME = _pins(PROJECT["dependencies"])
DEVELOPMENT = _pins(PROJECT["optional-dependencies"]["dev"])
CHECKOV = _pins(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["checkov"])
MUTATION = _pins(PROJECT["optional-dependencies"]["mutation"])


class TestLocks:
    def test_the_locks_hold_what_is_pinned(self) -> None:
        wanted = [
            ("requirements.lock", RUNTIME),
            ("requirements-dev.lock", RUNTIME | DEVELOPMENT),
            ("requirements-mutation.lock", RUNTIME | DEVELOPMENT | MUTATION),
            ("requirements-checkov.lock", CHECKOV),
        ]
        offences = [
            f"{lock}: {package} is {_locked(lock).get(package)}, pinned is {version}"
            for lock, pins in wanted
            for package, version in pins.items()
            if _locked(lock).get(package) != version
        ]
        assert not offences, broken("Compile the locks again (CONTRIBUTING.md):", offences)

    def test_the_image_gets_the_versions_that_are_tested(self) -> None:
        tested = _locked("requirements-dev.lock")
        offences = [
            f"{name} {version}" for name, version in _locked("requirements.lock").items() if tested.get(name) != version
        ]
        assert not offences, broken("requirements.lock holds what requirements-dev.lock does not:", offences)

    def test_every_package_has_hashes(self) -> None:
        for lock in (
            "requirements.lock",
            "requirements-dev.lock",
            "requirements-mutation.lock",
            "requirements-checkov.lock",
        ):
            text = (ROOT / lock).read_text(encoding="utf-8")
            bare = re.findall(r"^([\w.-]+==[\w.]+(?: ;[^\n\\]*)?)\n", text, re.MULTILINE)
            assert not bare, broken(f"{lock}: without a hash", bare)


class TestReasons:
    def test_every_dependency_says_why_it_is_there(self) -> None:
        text = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8").lower()
        missing = [name for name in RUNTIME if not re.search(rf"\b{re.escape(name)}\b", text)]
        assert not missing, broken("Name what it replaces in docs/decisions/0002-dependencies.md:", missing)
