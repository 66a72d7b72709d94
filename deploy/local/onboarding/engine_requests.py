"""What ``make run`` does for onboardings beside it: start the engines of new accounts, and save their state."""

from collections.abc import Callable

from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.supervisor import SupervisorError


class EngineRequests:
    """The open requests of one data folder. Only the thread that supervises the engines serves them."""

    def __init__(self, files: AccountFiles, engines: LocalEngines, *, say: Callable[[str], None]) -> None:
        self._files = files
        self._engines = engines
        self._say = say
        self._failed: set[str] = set()

    def serve(self) -> None:
        """Serve what was requested since the last call. A request that fails is reported once."""
        for account in self._files.accounts():
            if account.account_id not in self._engines.dynamodb_endpoints and account.account_id not in self._failed:
                self._start(account.account_id, account.slug)
        requested = self._files.save_requests()
        if requested:
            self._engines.restart_ministack()
            for account_id in requested:
                self._files.close_save_request(account_id)

    def _start(self, account_id: str, slug: str) -> None:
        try:
            self._engines.add_account(account_id)
        except SupervisorError as error:
            self._failed.add(account_id)
            self._say(f"the engine of account {account_id} ({slug}) could not be started: {error}")
            return
        self._files.save_endpoints(self._engines.dynamodb_endpoints)
        self._say(f"account {account_id} ({slug}): engine started")
