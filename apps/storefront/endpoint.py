"""The declaration of an endpoint: all facts of one method of one path, stated once, at its handler.

URLconf, OpenAPI document, permission and what is read of a request are derived from it.
"""

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar

import msgspec

from apps.core.fair_shares.priorities import Priority
from apps.core.problems import HTTPError, ProblemType
from apps.core.views import JSON
from apps.storefront.context import Context
from apps.storefront.permissions import Access
from apps.tenancy.scopes import OperatorScope, Scope
from resale.domain.command_context import CommandKey
from resale.errors import Outcome

Q = TypeVar("Q")
B = TypeVar("B")
P = ParamSpec("P")

Method = Literal["get", "post", "put", "patch"]


class Idempotency(msgspec.Struct, frozen=True):
    """The Idempotency-Key of a command: its name, whether it is required, and the response to a repetition.

    Attributes:
        command: Its name, to which a client's key is bound; never changed once shipped.
        replay: Returns the view that a repeat is answered with, from the id of what the command made the first time.
        find: Returns the id of what a key made before; None: it is in the tenant's own records.
        is_required: Whether the command is refused without a key.
    """

    command: str
    replay: Callable[[Context[Any, Any], str], object]
    is_required: bool = False
    find: Callable[[CommandKey], str | None] | None = None


class Endpoint(msgspec.Struct, Generic[Q, B], frozen=True, kw_only=True):
    """One method of one path. As a decorator it binds its handler, which takes a ``Context`` and the path parts.

    Attributes:
        method, path, id, tag, summary, details: As in the OpenAPI document.
        access: Who may call.
        scope: What a secret key, or an operator's key, needs for it.
        names: The parts of the path that are no ids of ours; checked, unless ``are_names_looked_up``: then the handler
            refuses what there is not.
        query: The query parameters. What is not declared is refused.
        body: The JSON body; ``is_body_required``: False: left out, it is one with nothing but defaults.
        example: A body, for the document; that of a body which several endpoints take is in ``openapi.examples``.
        raw_body: Describes a body that is a partner's own, which the handler reads.
        idempotency: How it takes an Idempotency-Key; None: not at all.
        if_match: Whether it takes If-Match.
        has_waiting_line: Whether it takes a ticket of the waiting line, and can refuse with one.
        status: Of a good response.
        location: The collection that Location leads to, with the id of the view behind it.
        responses: The views, by audience; ``listed``: a page of them.
        content_type: Of a good response.
        tagged: The response has an ETag; a GET of it is answered 304, unless ``revalidated`` is False.
        problems: How it can fail besides what follows from the rest of the declaration.
        priority: What is refused first under pressure; None: READ for a GET, WRITE for the others.
        is_hot: Its path is matched before others.
        handler: Bound by the decorator. Returns a view, or what is not rendered in the usual way: a
            ``responses.Representation`` or a finished response.
    """

    method: Method
    path: str
    id: str
    tag: str
    summary: str
    details: str = ""
    access: Access
    scope: Scope | OperatorScope | None = None
    names: type[msgspec.Struct] | None = None
    are_names_looked_up: bool = False
    query: type[Q] | None = None
    body: type[B] | None = None
    is_body_required: bool = True
    example: Mapping[str, Any] | None = None
    raw_body: str = ""
    idempotency: Idempotency | None = None
    if_match: bool = False
    has_waiting_line: bool = False
    status: int = 200
    location: str = ""
    responses: tuple[type[Any], ...] = ()
    listed: bool = False
    content_type: str = JSON
    tagged: bool = False
    revalidated: bool = True
    problems: tuple[type[Outcome | HTTPError] | ProblemType, ...] = ()
    priority: Priority | None = None
    is_hot: bool = False
    handler: Callable[..., object] | None = None

    def __call__(self, handler: Callable[Concatenate[Context[Q, B], P], object]) -> "Endpoint[Q, B]":
        """Bind the handler."""
        return msgspec.structs.replace(self, handler=handler)

    @property
    def rank(self) -> Priority:
        """The declared priority, or that of its method."""
        return self.priority or (Priority.READ if self.method == "get" else Priority.WRITE)

    @property
    def is_revalidated(self) -> bool:
        """Whether it accepts If-None-Match."""
        return self.method == "get" and self.tagged and self.revalidated


AnyEndpoint = Endpoint[Any, Any]


def endpoints_of(modules: Iterable[ModuleType]) -> tuple[AnyEndpoint, ...]:
    """Return the endpoints that modules declare, in the order of their source."""
    return tuple(one for module in modules for one in vars(module).values() if isinstance(one, Endpoint))
