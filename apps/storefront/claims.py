"""Claims over HTTP: opened and withdrawn by buyers, decided by the brand."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.container import get_container
from apps.core.requests import decode_command, decode_json, read_json
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import Call, call_of, principal_of, require_brand, require_party, shopper_of
from apps.storefront.idempotency import do_once
from apps.storefront.parameters import (
    NoQuery,
    PageQuery,
    expected_version,
    find_command_key,
    given,
    read_query,
    refuse_input,
)
from apps.storefront.responses import one_object, version_tag
from resale.application.operations.claims import add_evidence, open_claim, resolve_claim, withdraw_claim
from resale.application.ports import Reader, UnitOfWork
from resale.application.queries.claims import (
    BuyerClaim,
    ClaimView,
    claim_document,
    get_claim,
    list_claims,
    list_evidence,
    view_claim,
)
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimNotFound, NewClaim, NewEvidence, Resolution
from resale.domain.ids import ClaimId, OrderId, is_id
from resale.domain.orders import OrderNotFound

READ: Final = "claims:read"
WRITE: Final = "claims:write"
_encode: Final = msgspec.json.Encoder().encode


class OrderClaimsView(LeanAPIView):
    """``/v1/orders/{order_id}/claims``."""

    def post(self, request: Request, order_id: str) -> HttpResponse:
        """Claim that something is wrong with a delivered order."""
        call = call_of(request)
        read_query(request, NoQuery)
        new = decode_json(read_json(request), NewClaim)
        if not is_id("ord", order_id):
            raise OrderNotFound("No such order.")
        reader = call.open_reader()
        principal = principal_of(shopper_of(call), reader)
        claim = call.run(
            lambda uow: open_claim(uow=uow, principal=principal, order_id=OrderId(order_id), new=new, now=call.now),
            principal=principal,
        )
        return _answer(reader, principal, claim, status=HTTPStatus.CREATED)


class ClaimsView(LeanAPIView):
    """``/v1/claims``."""

    def get(self, request: Request) -> HttpResponse:
        """List the caller's claims, or those that are not closed for the brand."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=READ)
        page = list_claims(reader=reader, principal=principal, limit=query.limit, cursor=given(query.cursor))
        return json_response(_encode(page))


class ClaimDetailView(LeanAPIView):
    """``/v1/claims/{claim_id}``."""

    def get(self, request: Request, claim_id: str) -> HttpResponse:
        """Show one claim as the caller may see it."""
        call = call_of(request)
        read_query(request, NoQuery)
        found_id = _claim_id(claim_id)
        reader = call.open_reader()
        view = get_claim(reader=reader, principal=require_party(call, reader, scope=READ), claim_id=found_id)
        return _shown(_with_evidence(call, reader, view))  # never 304: links to its photos end


class ClaimEvidenceView(LeanAPIView):
    """``/v1/claims/{claim_id}/evidence``."""

    def post(self, request: Request, claim_id: str) -> HttpResponse:
        """Add a photo."""
        call = call_of(request)
        read_query(request, NoQuery)
        shopper = shopper_of(call)
        found_id = _claim_id(claim_id)
        new, body = decode_command(read_json(request), NewEvidence)
        key = find_command_key(request, shopper=shopper, command=f"add_evidence {found_id}", body=body)
        reader = call.open_reader()
        principal = principal_of(shopper, reader)

        def add() -> HttpResponse:
            claim = call.run(
                lambda uow: add_evidence(
                    uow=uow, principal=principal, claim_id=found_id, new=new, key=key, now=call.now
                ),
                principal=principal,
            )
            return _created(view_claim(reader=reader, principal=principal, document=claim_document(claim)))

        def answer_again(_claim_id: str) -> HttpResponse:
            return _created(get_claim(reader=reader, principal=principal, claim_id=found_id), replayed=True)

        def _created(view: ClaimView, *, replayed: bool = False) -> HttpResponse:
            shown = _with_evidence(call, reader, view)
            return _shown(shown, status=HTTPStatus.CREATED, replayed=replayed)

        return do_once(key=key, reader=reader, first=add, again=answer_again)


class ClaimWithdrawalView(LeanAPIView):
    """``/v1/claims/{claim_id}/withdraw``."""

    def post(self, request: Request, claim_id: str) -> HttpResponse:
        """Take a claim back."""
        call = call_of(request)
        refuse_input(request)
        found_id = _claim_id(claim_id)
        reader = call.open_reader()
        principal = principal_of(shopper_of(call), reader)
        return _act(
            call,
            reader,
            principal,
            lambda uow: withdraw_claim(uow=uow, principal=principal, claim_id=found_id, now=call.now),
        )


class ClaimResolutionView(LeanAPIView):
    """``/v1/claims/{claim_id}/resolve``."""

    def post(self, request: Request, claim_id: str) -> HttpResponse:
        """Decide on a claim."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=WRITE)
        found_id, version = _claim_id(claim_id), expected_version(request)
        resolution = decode_json(read_json(request), Resolution)
        return _act(
            call,
            call.open_reader(),
            principal,
            lambda uow: resolve_claim(
                uow=uow,
                principal=principal,
                claim_id=found_id,
                resolution=resolution,
                expected_version=version,
                now=call.now,
            ),
            version=version,
        )


def _act(
    call: Call,
    reader: Reader,
    principal: Principal,
    operation: Callable[[UnitOfWork], Claim],
    *,
    version: int | None = None,
) -> HttpResponse:
    claim = call.run(operation, principal=principal, expected_version=version)
    return _answer(reader, principal, claim)


def _answer(reader: Reader, principal: Principal, claim: Claim, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    return _shown(view_claim(reader=reader, principal=principal, document=claim_document(claim)), status=status)


def _with_evidence(call: Call, reader: Reader, view: ClaimView) -> ClaimView:
    """Add the photos; only their buyer uploads."""
    photos = list_evidence(
        reader=reader,
        links=get_container().private_links(call.tenant),
        forms=call.open_uploads() if isinstance(view, BuyerClaim) else None,
        claim_id=view.id,
        now=call.now,
    )
    return msgspec.structs.replace(view, evidence=photos)


def _shown(view: ClaimView, *, status: HTTPStatus = HTTPStatus.OK, replayed: bool = False) -> HttpResponse:
    location = f"/v1/claims/{view.id}" if status == HTTPStatus.CREATED else None
    return one_object(_encode(view), tag=version_tag(view.version), status=status, location=location, replayed=replayed)


def _claim_id(text: str) -> ClaimId:
    if not is_id("clm", text):
        raise ClaimNotFound("No such claim.")
    return ClaimId(text)
