"""``make record-permissions``: run the tests that act as the platform, and write down what its roles used."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.permissions.uses import FILE, read_uses, write_uses
from tests.permissions.plugin import FOLDER_VARIABLE

#: Tests that make every kind of call. Left out are those that attack, and those with engines in a child process.
TESTS: Final = (
    "tests/adapters/test_dead_letters.py",
    "tests/adapters/test_keyring.py",
    "tests/adapters/test_media_store.py",
    "tests/adapters/test_private_links.py",
    "tests/adapters/test_queues.py",
    "tests/adapters/test_upload_forms.py",
    "tests/api/test_storefront_evidence.py",
    "tests/api/test_storefront_photos.py",
    "tests/integration/test_images.py",
    "tests/local/test_local_onboarding.py",
    "tests/operations/test_changes.py",
    "tests/operations/test_claims.py",
    "tests/operations/test_clocks.py",
    "tests/operations/test_connections.py",
    "tests/operations/test_dead_letters.py",
    "tests/operations/test_images.py",
    "tests/operations/test_inbound_processing.py",
    "tests/operations/test_pages.py",
    "tests/operations/test_payouts.py",
    "tests/operations/test_pipeline.py",
    "tests/operations/test_projections.py",
    "tests/operations/test_published_photos.py",
    "tests/operations/test_purchases.py",
    "tests/operations/test_retired_photos.py",
    "tests/operations/test_sales.py",
    "tests/workers/test_failures.py",
    "tests/workers/test_origin.py",
    "tests/workers/test_redelivery.py",
    "tests/workers/test_set_aside.py",
)


def main() -> int:
    """Run the tests, or those that are named. Only a full run without failures drops what is no longer used."""
    chosen = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="permissions-") as folder:
        arguments = chosen or TESTS
        command = (sys.executable, "-m", "pytest", "-p", "tests.permissions.plugin", "-q", *arguments)
        done = subprocess.run(command, env={**os.environ, FOLDER_VARIABLE: folder}, check=False)
        seen = {use for part in Path(folder).glob("*.jsonl") for use in read_uses(part)}
    known = set(read_uses()) if chosen or done.returncode else set()
    write_uses(known | seen)
    sys.stdout.write(f"{len(known | seen)} uses in {FILE}\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
