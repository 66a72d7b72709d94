"""The engines as the tests and ``make run`` use them."""

import urllib.request

from apps.local.engines.local import LocalEngines


class TestLocalEngines:
    def test_answer_on_loopback(self, engines: LocalEngines) -> None:
        urls = (engines.aws_endpoint_url + "/_ministack/health", *engines.dynamodb_endpoints.values())
        for url in urls:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http URL
                assert answer.status == 200
