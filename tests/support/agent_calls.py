"""One call of every method that asks an agent: what is sent for it, and what it is to give."""

from agent_calls_guest import GUEST_CALLS, NETWORK_CALLS, OBSERVE_CALLS
from agent_calls_sandbox import CONTAINER_CALLS, PROCESS_CALLS, SANDBOX_CALLS

AGENT_CALLS = {
    call.method: call
    for group in (
        SANDBOX_CALLS,
        CONTAINER_CALLS,
        PROCESS_CALLS,
        NETWORK_CALLS,
        GUEST_CALLS,
        OBSERVE_CALLS,
    )
    for call in group
}
