"""Connections: whether the shop's partners are called, since when and why not."""

from django.http import HttpRequest, HttpResponse

from apps.backoffice.pages import StaffPage
from resale.application.queries.connections import list_connections


class Connections(StaffPage):
    """``/admin/connections/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """List the shop's connections."""
        listed = list_connections(reader=self.context.open_reader(), principal=self.context.principal)
        return self.page("connections", title="Connections", connections=listed.data)
