"""``python -m deploy.local.issuer DIRECTORY PORT``: serve the demo tenants' issuers until stopped."""

import argparse
import signal
from pathlib import Path

from deploy.local.issuer.server import IssuerServer


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.issuer", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with IssuerServer(given.directory, given.port):
        signal.sigwait(ending)


if __name__ == "__main__":
    main()
