"""Names on spans: the one place to change when the semantic conventions move.

After the RPC conventions as of 1.39, a release candidate:
https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/. ttrpc is none of the systems they list,
and a name of one's own is allowed. Known to come: ``rpc.response.status_code`` is to be
``rpc.status_code``. What the conventions have no name for is under ``kata.``, but for the sizes,
which follow the pattern of the other ``rpc.request`` and ``rpc.response`` names.

Every value is the host's knowledge, or a text that was escaped and cut. It is made sure of here
once more, since one string that isn't UTF-8 would cost a whole batch of spans.
"""

from kata_exporter.telemetry.hooks import CallInfo, CallOutcome
from kata_exporter.telemetry.logs import escape

SCHEMA_URL = "https://opentelemetry.io/schemas/1.39.0"

RPC_SYSTEM_NAME = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_STATUS_CODE = "rpc.response.status_code"
RPC_REQUEST_SIZE = "rpc.request.size"
RPC_RESPONSE_SIZE = "rpc.response.size"
SERVER_ADDRESS = "server.address"
ERROR_TYPE = "error.type"
K8S_NAMESPACE_NAME = "k8s.namespace.name"
K8S_POD_NAME = "k8s.pod.name"
K8S_CONTAINER_NAME = "k8s.container.name"
CONTAINER_ID = "container.id"
SANDBOX_ID = "kata.sandbox.id"
REASON = "kata.reason"

SYSTEM = "ttrpc"
MAX_VALUE_CHARACTERS = 1024

Attributes = dict[str, str | int]


def span_name(info: CallInfo) -> str:
    """Name the span of a call: ``grpc.AgentService/GetMetrics``."""
    return _clean(info.method)


def start_attributes(info: CallInfo) -> Attributes:
    """Return what is known as a call starts, so that samplers see it; what is empty is left out."""
    known = {
        RPC_SYSTEM_NAME: SYSTEM,
        RPC_METHOD: info.method,
        SERVER_ADDRESS: info.target.address,
        SANDBOX_ID: info.target.sandbox_id,
        K8S_NAMESPACE_NAME: info.target.namespace,
        K8S_POD_NAME: info.target.pod,
        K8S_CONTAINER_NAME: info.container_name,
        CONTAINER_ID: info.container_id,
    }
    return {name: _clean(value) for name, value in known.items() if value}


def end_attributes(outcome: CallOutcome) -> Attributes:
    """Return what is known when a call has ended; sizes are in bytes."""
    attributes: Attributes = {
        REASON: str(outcome.reason),
        RPC_REQUEST_SIZE: outcome.request_bytes,
        RPC_RESPONSE_SIZE: outcome.response_bytes,
    }
    if outcome.code:
        attributes[RPC_STATUS_CODE] = _clean(outcome.code)
    if failed(outcome):
        # An answer can be faulty with status OK; that word would be no error type.
        spoken = outcome.code not in {"", "OK"}
        attributes[ERROR_TYPE] = _clean(outcome.code if spoken else outcome.reason)
    return attributes


def failed(outcome: CallOutcome) -> bool:
    """Tell whether a span has status ERROR; calls that a policy denies or an agent lacks haven't."""
    return not outcome.reason.answered


def description(outcome: CallOutcome) -> str:
    """Describe a failure."""
    return _clean(outcome.message)


def _clean(text: str) -> str:
    return escape(text, MAX_VALUE_CHARACTERS)
