"""The admin of a running platform as a browser without scripts sees it: cookies, forms and their tokens."""

import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Final

from deploy.local.private_files import Login

_TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
_TIMEOUT_SECONDS: Final = 30


class AdminPages:
    """One signed-in browser. ``base_url`` is the platform's, without a path."""

    def __init__(self, base_url: str, login: Login) -> None:
        self._base_url = base_url
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.post("/admin/login/", {"username": login.email, "password": login.password})

    def get(self, path: str) -> str:
        """Return the HTML of a page; a status of 400 or more is an error."""
        return self._open(path)

    def post(self, path: str, fields: Mapping[str, str], *, form_at: str = "") -> str:
        """Send a form with the token of the page that has it, and return the page that follows."""
        token = _TOKEN.search(self._open(form_at or path))
        assert token, f"{form_at or path} has no form"
        sent = {**fields, "csrfmiddlewaretoken": token[1]}
        return self._open(path, urllib.parse.urlencode(sent).encode())

    def _open(self, path: str, body: bytes | None = None) -> str:
        try:
            with self._browser.open(self._base_url + path, body, timeout=_TIMEOUT_SECONDS) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{path}: {refusal.code} {refusal.read().decode()}") from refusal
