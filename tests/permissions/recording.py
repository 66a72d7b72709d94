"""What the platform's own sessions do, read from the requests on their way to the engines.

A session is the platform's if its name begins as the platform names them; the sessions that tests open to attack, and
the root keys that arrange, are not recorded.
"""

import re
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Final, NamedTuple
from urllib.parse import parse_qs

import msgspec

from deploy.local.permissions.uses import Use
from tests.faults.requests import Request, Response
from tests.permissions.wire import Needed, Place, Signer, needed_by, signer_of

TASK_ROLE: Final = "TaskRole"  # names of deploy/platform/task-roles.yaml and deploy/tenant/access.yaml
ACCESS_ROLE: Final = "AccessRole"
_OWN_SESSIONS: Final = "resale-"
_ACCESS_ROLES: Final = "resale-tenant-access-"
_ISSUED_KEY: Final = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_ENGINE_PLACE: Final = ":dynoxide:000000000000:"  # dynoxide names no Region and account in the ARNs of streams
_OK: Final = 300
_FORBIDDEN: Final = 403
_MISSING: Final = 404
#: Responses that are not "yes" but come after IAM's decision.
_DECIDED_STATUSES: Final = frozenset({_MISSING, 412})
_REFUSED: Final = re.compile(rb"AccessDenied|AuthorizationError|not authorized to perform")
_DECIDED: Final = re.compile(rb"ConditionalCheckFailed|TransactionCanceled")


class Session(NamedTuple):
    """A role in which calls are made: its name in the templates, its account, and the tenant whose tag it carries."""

    role: str
    account: str
    tenant: str


class Recorder:
    """Collects the uses of all requests; shared by threads. Give ``observe`` to the proxies."""

    def __init__(self) -> None:
        self.uses: set[Use] = set()
        self.refusals: set[Use] = set()
        self.failures: list[str] = []
        self._sessions: dict[str, Session] = {}
        self._streams: dict[str, str] = {}
        self._lock = Lock()

    def observe(self, request: Request, response: Response) -> None:
        """Note what a request used. A request that cannot be read is noted as a failure."""
        try:
            with self._lock:
                self._observe(request, response)
        except Exception as error:  # noqa: BLE001 - the proxy's thread goes on; the run fails with it
            self.failures.append(f"{request.operation}: {error!r}")

    def _observe(self, request: Request, response: Response) -> None:
        signer = signer_of(request)
        if signer is None:
            return
        if request.protocol == "query" and request.operation == "AssumeRole":
            self._note_session(request, response, signer)
            return
        session = self._sessions.get(signer.access_key_id)
        if session is None:
            return
        place = Place(session.account, signer.region)
        needed = list(needed_by(request, place, self._streams))
        if request.protocol == "rest" and response.status == _MISSING:  # without it S3 says 403 (S3 API, GetObject)
            needed += [Needed("s3:ListBucket", each.resource.partition("/")[0]) for each in needed]
        context = () if not session.tenant else ("aws:PrincipalTag/tenant={tenant}",)
        uses = _uses(session, signer, needed, context)
        if _is_refused(response):  # code that swallows a refusal would hide a permission that is missing
            self.refusals.update(uses)
        elif _is_decided(response):
            self._remember_iterators(request, response, needed)
            self.uses.update(uses)

    def _note_session(self, request: Request, response: Response, signer: Signer) -> None:
        fields = parse_qs(request.body.decode())
        if response.status >= _OK or not fields["RoleSessionName"][0].startswith(_OWN_SESSIONS):
            return
        arn = fields["RoleArn"][0]
        caller = self._sessions.get(signer.access_key_id, Session(TASK_ROLE, "", ""))
        tags = dict(_tags(fields))
        issued = _ISSUED_KEY.search(response.body)
        assert issued is not None, "AssumeRole gave no key"
        name = arn.rpartition("/")[2]
        opened = Session(
            ACCESS_ROLE if name.startswith(_ACCESS_ROLES) else name, arn.split(":")[4], tags.get("tenant", "")
        )
        self._sessions[issued[1].decode()] = opened
        self.uses.update(
            _uses(opened._replace(role=caller.role), signer, needed_by(request, _NOWHERE, {}), _shown(fields, tags))
        )

    def _remember_iterators(self, request: Request, response: Response, needed: list[Needed]) -> None:
        if request.service == "DynamoDBStreams" and response.status < _OK:
            given = msgspec.json.decode(response.body)
            iterator = given.get("ShardIterator") or given.get("NextShardIterator")
            if iterator:
                self._streams[iterator] = needed[0].resource


_NOWHERE: Final = Place("", "")


def _is_refused(response: Response) -> bool:
    return _REFUSED.search(response.body) is not None or (response.status == _FORBIDDEN and not response.body)


def _is_decided(response: Response) -> bool:
    return response.status < _OK or response.status in _DECIDED_STATUSES or _DECIDED.search(response.body) is not None


def _tags(fields: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for name, (key, *_) in fields.items():
        if name.startswith("Tags.") and name.endswith(".Key"):
            yield key, fields[name.removesuffix("Key") + "Value"][0]


def _shown(fields: Mapping[str, list[str]], tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the condition keys of an AssumeRole."""
    external_id = ("sts:ExternalId={external_id}",) if "ExternalId" in fields else ()
    keys = (f"aws:TagKeys={','.join(sorted(tags))}",) if tags else ()
    return (*external_id, *keys, *(f"aws:RequestTag/{key}={{{key}}}" for key in sorted(tags)))


def _uses(
    session: Session, signer: Signer, needed: Iterator[Needed] | list[Needed], context: tuple[str, ...]
) -> Iterator[Use]:
    for action, resource in needed:
        yield Use(role=session.role, action=action, resource=_general(resource, session, signer), context=context)


def _general(arn: str, session: Session, signer: Signer) -> str:
    """Replace what differs from call to call."""
    arn = arn.replace(_ENGINE_PLACE, ":{region}:{account}:")
    arn = re.sub(r"(role/resale-tenant-access-).+", r"\1{region}", arn)
    arn = re.sub(r"(arn:aws:s3:::[^/]+/[^/]+)/.*", r"\1/{id}", arn)
    arn = re.sub(r"(:key/|/stream/|:secret:[^/]+/).+", r"\1{id}", arn)
    if session.tenant:
        arn = re.sub(rf"([:/]){re.escape(session.tenant)}(?=[-/])", r"\1{tenant}", arn)
    return (
        arn.replace(session.account or "{account}", "{account}")
        .replace(f":{signer.region}:", ":{region}:")
        .replace(f"-{signer.region}", "-{region}")
    )
