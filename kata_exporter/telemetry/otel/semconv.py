"""Names on spans: the one place to change when the semantic conventions move.

After the RPC conventions as of 1.39, a release candidate:
https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/. ttrpc is none of the systems they list,
and a name of one's own is allowed. Known to come: ``rpc.response.status_code`` is to be
``rpc.status_code``. What the conventions have no name for is under ``kata.``, but for the sizes,
which follow the pattern of the other ``rpc.request`` and ``rpc.response`` names. Scrapes have the
names of the stable HTTP conventions.

``OTEL_SEMCONV_STABILITY_OPT_IN`` with ``rpc/dup`` adds the names from before 1.39, for backends that
still ask for them. Where an old name has a new meaning, as ``rpc.method``, the new one stands.

Every value is the host's knowledge, or a text that was escaped and cut. It is made sure of here
once more, since one string that isn't UTF-8 would cost a whole batch of spans.
"""

from kata_exporter.errors import Reason
from kata_exporter.model import OomRecord
from kata_exporter.telemetry.hooks import (
    CallInfo,
    CallOutcome,
    RequestInfo,
    RoundInfo,
    RoundOutcome,
)
from kata_exporter.telemetry.logs import escape
from kata_exporter.telemetry.status_codes import STATUS_CODES

SCHEMA_URL = "https://opentelemetry.io/schemas/1.39.0"

RPC_SYSTEM_NAME = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_STATUS_CODE = "rpc.response.status_code"
RPC_REQUEST_SIZE = "rpc.request.size"
RPC_RESPONSE_SIZE = "rpc.response.size"
OLD_RPC_SYSTEM = "rpc.system"
OLD_RPC_SERVICE = "rpc.service"
OLD_RPC_STATUS_CODE = "rpc.grpc.status_code"
HTTP_REQUEST_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS_CODE = "http.response.status_code"
HTTP_RESPONSE_SIZE = "http.response.body.size"
URL_PATH = "url.path"
URL_SCHEME = "url.scheme"
SERVER_ADDRESS = "server.address"
ERROR_TYPE = "error.type"
K8S_NAMESPACE_NAME = "k8s.namespace.name"
K8S_POD_NAME = "k8s.pod.name"
K8S_CONTAINER_NAME = "k8s.container.name"
CONTAINER_ID = "container.id"
SANDBOX_ID = "kata.sandbox.id"
REASON = "kata.reason"
ATTEMPT = "kata.collection.attempt"
WAIT_SECONDS = "kata.collection.wait_seconds"
OOM_KIND = "kata.oom.kind"
OOM_SOURCE = "kata.oom.source"
OOM_KILLS = "kata.oom.kills"
OOM_WORKING_SET = "kata.oom.working_set_bytes"
OOM_LIMIT = "kata.oom.limit_bytes"

ROUND = "collect sandbox"
"""The span of one round of one sandbox."""
OOM = "out of memory"
"""The span of one OOM, which has no length."""

MAX_VALUE_CHARACTERS = 256
"""Of one attribute or description; a path of a socket has 107 bytes, an id 128 characters."""

Attributes = dict[str, str | int | float]


def span_name(info: CallInfo) -> str:
    """Name the span of a call: ``grpc.AgentService/GetMetrics``."""
    return _clean(info.method)


def start_attributes(info: CallInfo, *, old_names: bool = False) -> Attributes:
    """Return what is known as a call starts, so that samplers see it; what is empty is left out."""
    known = {
        RPC_SYSTEM_NAME: info.system,
        RPC_METHOD: info.method,
        SERVER_ADDRESS: info.target.address,
        SANDBOX_ID: info.target.sandbox_id,
        K8S_NAMESPACE_NAME: info.target.namespace,
        K8S_POD_NAME: info.target.pod,
        K8S_CONTAINER_NAME: info.container_name,
        CONTAINER_ID: info.container_id,
    }
    if old_names:
        known |= {OLD_RPC_SYSTEM: info.system, OLD_RPC_SERVICE: info.method.partition("/")[0]}
    return _filled(known)


def end_attributes(
    outcome: CallOutcome, *, waits: bool = False, old_names: bool = False
) -> Attributes:
    """Return what is known when a call has ended; sizes are in bytes.

    `waits` is whether the call waited for something to happen.
    """
    attributes: Attributes = {
        REASON: str(outcome.reason),
        RPC_REQUEST_SIZE: outcome.request_bytes,
        RPC_RESPONSE_SIZE: outcome.response_bytes,
    }
    if outcome.code:
        attributes[RPC_STATUS_CODE] = _clean(outcome.code)
        if old_names and outcome.code in STATUS_CODES:
            attributes[OLD_RPC_STATUS_CODE] = STATUS_CODES.index(outcome.code)
    if call_failed(outcome, waits=waits):
        # An answer can be faulty with status OK; that word would be no error type.
        spoken = outcome.code not in {"", "OK"}
        attributes[ERROR_TYPE] = _clean(outcome.code if spoken else outcome.reason)
    return attributes


def round_attributes(info: RoundInfo) -> Attributes:
    """Return what is known as a round starts; what is empty is left out."""
    known = {
        SANDBOX_ID: info.sandbox_id,
        K8S_NAMESPACE_NAME: info.namespace,
        K8S_POD_NAME: info.pod,
    }
    return {**_filled(known), **shared_attributes(info)}


def shared_attributes(info: RoundInfo) -> Attributes:
    """Return what a round and each of its calls have in common; the wait is in seconds."""
    return {ATTEMPT: info.attempt, WAIT_SECONDS: info.waited_seconds}


def round_end_attributes(outcome: RoundOutcome) -> Attributes:
    """Return what is known when a round has ended."""
    attributes: Attributes = {REASON: str(outcome.reason)}
    if round_failed(outcome):
        attributes[ERROR_TYPE] = str(outcome.reason)
    return attributes


def request_name(info: RequestInfo) -> str:
    """Name the span of a scrape: ``GET /metrics``."""
    return _clean(f"{info.method} {info.route}")


def request_attributes(info: RequestInfo) -> Attributes:
    """Return what is known as a scrape starts."""
    known = {
        HTTP_REQUEST_METHOD: info.method,
        HTTP_ROUTE: info.route,
        URL_PATH: info.route,
        URL_SCHEME: info.scheme,
    }
    return _filled(known)


def request_end_attributes(status: int, body_bytes: int) -> Attributes:
    """Return what is known when a scrape was answered."""
    attributes: Attributes = {HTTP_STATUS_CODE: status, HTTP_RESPONSE_SIZE: body_bytes}
    if request_failed(status):
        attributes[ERROR_TYPE] = str(status)
    return attributes


def call_failed(outcome: CallOutcome, *, waits: bool = False) -> bool:
    """Tell whether a call's span has status ERROR; one that is denied, or that no agent has, hasn't.

    Nor has a wait that ended with its deadline, as nothing happened.
    """
    return not outcome.reason.answered and not (waits and outcome.reason is Reason.TIMEOUT)


def round_failed(outcome: RoundOutcome) -> bool:
    """Tell whether a round's span has status ERROR."""
    return not outcome.reason.answered


def oom_attributes(record: OomRecord) -> Attributes:
    """Return what is known of an OOM; what isn't is left out."""
    known = {
        SANDBOX_ID: record.sandbox_id,
        K8S_NAMESPACE_NAME: record.pod.namespace,
        K8S_POD_NAME: record.pod.name,
        K8S_CONTAINER_NAME: record.container,
        CONTAINER_ID: record.container_id,
        OOM_KIND: str(record.kind),
        OOM_SOURCE: record.source,
    }
    attributes = _filled(known)
    attributes[OOM_KILLS] = record.kills
    if record.working_set_bytes is not None:
        attributes[OOM_WORKING_SET] = record.working_set_bytes
    if record.limit_bytes is not None:
        attributes[OOM_LIMIT] = record.limit_bytes
    return attributes


def request_failed(status: int) -> bool:
    """Tell whether a scrape's span has status ERROR; what the caller did wrong is none of ours."""
    return status >= 500


def description(outcome: CallOutcome) -> str:
    """Describe a failure."""
    return _clean(outcome.message)


def round_description(outcome: RoundOutcome) -> str:
    """Describe a failure."""
    return _clean(outcome.detail)


def _filled(known: dict[str, str]) -> Attributes:
    return {name: _clean(value) for name, value in known.items() if value}


def _clean(text: str) -> str:
    escaped = escape(text, MAX_VALUE_CHARACTERS)
    if len(escaped) <= MAX_VALUE_CHARACTERS:
        return escaped
    return escaped[: MAX_VALUE_CHARACTERS - 3] + "..."
