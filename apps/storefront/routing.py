"""Django's URLs from the declared endpoints: one view for each path, which reads and validates their inputs."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, cast

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request

from apps.core import problems
from apps.core.container import get_container
from apps.core.fair_shares.fence import FENCE, Closed
from apps.core.fair_shares.limiter import Admission
from apps.core.fair_shares.priorities import Priority
from apps.core.fair_shares.process import COUNTS, LOAD, get_limiter
from apps.core.fair_shares.refusals import Overloaded, RateLimited
from apps.core.metering import USAGE
from apps.core.requests import SentBody, convert_values, decode_body, info_of, read_body, read_json
from apps.core.views import LeanAPIView
from apps.storefront.context import Context
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.idempotency import run_idempotent
from apps.storefront.parameters import (
    NoBody,
    NoQuery,
    expected_version,
    read_command_key,
    read_query,
)
from apps.storefront.path_parameters import PATH_IDS
from apps.storefront.permissions import Access, DeclaredAccess
from apps.storefront.responses import respond
from apps.tenancy.authentication import Caller, require_shopper
from apps.tenancy.operator_keys import Operator
from resale.application.ports import Reader
from resale.application.queries.idempotency import find_replayed_entity
from resale.domain.usage import Meter

ReadBody = Callable[[HttpRequest], tuple[Any, SentBody]]

_PREFIX: Final = "/v1/"
_PLACEHOLDER: Final = re.compile(r"{(\w+)}")
_NO_READER: Final = cast("Reader", None)  # of an endpoint for anybody, where no tenant is known
_WITHOUT_TENANT: Final = frozenset({Access.ANYBODY, Access.OPERATOR})
_RETRY_SOON: Final = {"Retry-After": "1"}
_NOTHING_SENT: Final = SentBody(raw=b"", tree={})


class EndpointView(LeanAPIView):
    """The endpoints of one path.

    Refusals are in this order: load, API key and token, limits, method, query, access, the rest.
    """

    permission_classes = (DeclaredAccess,)
    endpoints: ClassVar[Mapping[str, AnyEndpoint]]  # by method
    priorities: ClassVar[Mapping[str, Priority]]  # by method
    caller: Caller  # None at an endpoint for anybody
    operator: Operator | None = None  # set by the permission of an operator's endpoint
    admission: Admission | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle a request within the limits of its tenant, and report what is left of the caller's own limit."""
        key = request.META.get("HTTP_X_API_KEY", "").encode("latin-1", "replace")
        if LOAD.is_too_high_for(self.priorities.get(request.method or "", Priority.READ), key):
            return _refuse_for_load(request)
        try:
            response = super().dispatch(request, *args, **kwargs)
        except BaseException:  # not an exception of a handler: the body has not arrived, and the request runs again
            if self.admission is not None:
                get_limiter().cancel(self.admission)
            raise
        if (admission := self.admission) is not None:
            if response.streaming:  # its thread is occupied until the last byte
                closers = response._resource_closers  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way
                closers.append(partial(get_limiter().leave, admission))
            else:
                get_limiter().leave(admission)
            if (item := admission.quota_item) is not None:
                response.headers._store["ratelimit"] = ("RateLimit", item)  # noqa: SLF001 - see ``apps.core.views``
        return response

    def perform_authentication(self, request: Request) -> None:
        """Authenticate the caller, then count the request against the limits."""
        super().perform_authentication(request)
        caller = self.caller
        if caller is not None:
            plain = request._request  # noqa: SLF001 - as below
            tenant, shopper = caller.tenant, caller.shopper
            priority = self.priorities.get(plain.method or "", Priority.READ)
            try:
                self.admission = get_limiter().enter(
                    tenant,
                    key_id=caller.key_id,
                    is_secret=caller.is_brand,
                    shopper=None if shopper is None else (tenant.id, shopper.issuer, shopper.subject),
                    priority=priority,
                )
                USAGE.add(tenant.id, Meter.API_REQUESTS)
            except RateLimited as refusal:
                closed = Closed(time.monotonic() + refusal.wait_seconds, tenant, caller.key_id, refusal)
                FENCE.close(plain.META["HTTP_X_API_KEY"].encode("latin-1"), closed, priority)
                raise

    def check_permissions(self, request: Request) -> None:
        """Find the endpoint and decode its query, then check its permission, as DRF does."""
        plain = request._request  # noqa: SLF001 - DRF names it nowhere else; each attribute through DRF's costs 0.4 us
        method = plain.method or ""
        if (endpoint := self.endpoints.get(method)) is None:
            raise MethodNotAllowed(method)
        self.endpoint = endpoint
        query: Any = read_query(plain, endpoint.query or NoQuery)
        self.query = None if endpoint.query is None else query
        super().check_permissions(request)


def _refuse_for_load(request: HttpRequest) -> HttpResponse:
    """Refuse a request for which there is no capacity, before anything is read of it."""
    COUNTS.add("", "overloaded", time.monotonic())
    response = problems.render(Overloaded(headers=_RETRY_SOON), request_id=info_of(request).id)
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django would log each as an error
    return response


def urls_of(endpoints: Iterable[AnyEndpoint]) -> list[URLPattern]:
    """Return a URL pattern for each path. Patterns are matched in order, so hot paths are first."""
    by_path: dict[str, list[AnyEndpoint]] = defaultdict(list)
    for endpoint in endpoints:
        by_path[endpoint.path].append(endpoint)
    hot_first = sorted(by_path.items(), key=lambda item: not any(one.is_hot for one in item[1]))
    return [
        path(_PLACEHOLDER.sub(r"<str:\1>", template.removeprefix(_PREFIX)), _view_of(ones).as_view())
        for template, ones in hot_first
    ]


def _view_of(endpoints: list[AnyEndpoint]) -> type[EndpointView]:
    by_method = {endpoint.method.upper(): endpoint for endpoint in endpoints}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]
    attributes: dict[str, Any] = {endpoint.method: _method_of(endpoint) for endpoint in endpoints}
    attributes["priorities"] = {method: endpoint.rank for method, endpoint in by_method.items()}
    attributes |= {"endpoints": by_method, "is_versioned": not any(one.raw_body for one in endpoints)}
    if all(endpoint.access in _WITHOUT_TENANT for endpoint in endpoints):
        attributes["authentication_classes"] = ()
    return type("EndpointView", (EndpointView,), attributes)


def _method_of(endpoint: AnyEndpoint) -> Callable[..., HttpResponseBase]:
    """Build the view's method of an endpoint. Decisions that need no request are made here, once."""
    handler, idempotency, access = endpoint.handler, endpoint.idempotency, endpoint.access
    has_caller, is_always_brand = access not in _WITHOUT_TENANT, access is Access.BRAND
    can_be_brand = access in {Access.KEY, Access.PARTY}
    if handler is None:
        raise TypeError(f"{endpoint.id} has no handler")
    read_path, read_body = _path_reader(endpoint), _body_reader(endpoint)

    def serve(view: EndpointView, request: Request, **parts: str) -> HttpResponseBase:
        plain, caller = request._request, view.caller  # noqa: SLF001 - as above
        if read_path is not None:
            parts = read_path(parts)
        version = expected_version(plain) if endpoint.if_match else None
        body, sent = (None, _NOTHING_SENT) if read_body is None else read_body(plain)
        is_brand = is_always_brand or (can_be_brand and caller.shopper is None and caller.is_brand)
        key = None
        if idempotency is not None:
            owner = _owner_of(caller, view.operator, is_brand=is_brand)
            command = " ".join((idempotency.command, *parts.values()))
            key = read_command_key(plain, caller=owner, command=command, body=sent, is_required=idempotency.is_required)
        context = Context(
            request=plain,
            caller=caller,
            reader=get_container().reader(caller.tenant) if has_caller else _NO_READER,
            is_brand=is_brand,
            query=view.query,
            body=body,
            expected_version=version,
            key=key,
            operator=view.operator,
        )
        if idempotency is None:
            return respond(endpoint, plain, handler(context, **parts))
        replay = idempotency.replay
        return run_idempotent(
            key=key,
            find=idempotency.find or (lambda used: find_replayed_entity(reader=context.reader, key=used)),
            execute=lambda: respond(endpoint, plain, handler(context, **parts)),
            replay=lambda entity_id: respond(endpoint, plain, replay(context, entity_id)),
        )

    return serve


def _path_reader(endpoint: AnyEndpoint) -> Callable[[dict[str, str]], dict[str, str]] | None:
    """Return a function that validates the path parts: ids by their type, other names by their struct."""
    placeholders = _PLACEHOLDER.findall(endpoint.path)
    ids = tuple((name, PATH_IDS[name].check) for name in placeholders if name in PATH_IDS)
    names = endpoint.names
    if unknown := set(placeholders) - set(PATH_IDS) - set(names.__struct_fields__ if names else ()):
        raise TypeError(f"{endpoint.id} does not declare what these parts of its path are: {sorted(unknown)}")

    def read_ids(parts: dict[str, str]) -> dict[str, str]:
        for name, check in ids:
            check(parts[name])
        return parts

    if names is None or endpoint.are_names_looked_up:
        return read_ids if ids else None

    def read_names(parts: dict[str, str]) -> dict[str, str]:
        named = {name: parts[name] for name in names.__struct_fields__}
        return {**read_ids(parts), **msgspec.structs.asdict(convert_values(named, names, place="The path"))}

    return read_names


def _body_reader(endpoint: AnyEndpoint) -> ReadBody | None:
    """Return a function that decodes the body; without a declared body, any content is refused."""
    kind = endpoint.body
    if endpoint.method == "get" or endpoint.raw_body:
        return None
    if kind is not None and endpoint.is_body_required:
        return lambda request: decode_body(read_json(request), kind)
    absent = None if kind is None else kind()

    def read_optional(request: HttpRequest) -> tuple[Any, SentBody]:
        raw = read_body(request)
        return decode_body(raw, kind or NoBody) if raw else (absent, _NOTHING_SENT)

    return read_optional


def _owner_of(caller: Caller, operator: Operator | None, *, is_brand: bool) -> str:
    """Return the owner of an Idempotency-Key. Raises TokenMissing."""
    if operator is not None:
        return operator.key_id
    return caller.key_id if is_brand else _shopper_of(caller)


def _shopper_of(caller: Caller) -> str:
    """Return the shopper as the owner of a key. Raises TokenMissing."""
    shopper = require_shopper(caller)
    return f"{shopper.issuer} {shopper.subject}"
