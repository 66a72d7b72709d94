"""Proofs take minutes and tools of their own: without ``-m proof`` they are not even imported."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:  # noqa: ARG001 - pytest's names
    return None if config.option.markexpr == "proof" else True
