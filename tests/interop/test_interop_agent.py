"""Each method of the agent's client on servers in Go and Rust."""

import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from agent_call import EXEC_ID, AgentCall
from agent_calls import AGENT_CALLS
from fake_clock import FakeClock
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.caller import Timeouts
from kata_exporter.agent.methods import METHOD_OF, METHODS
from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import CallInfo, CallWatch, NoWatch
from kata_exporter.ttrpc import Code
from peer_binary import Language
from server_peer import ServerPeer

pytestmark = pytest.mark.real

CALLS = pytest.mark.parametrize("call", AGENT_CALLS.values(), ids=AGENT_CALLS)
TRACEPARENT = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Tracing(NoWatch):
    """Has each request carry a trace context."""

    def started(self, info: CallInfo) -> CallWatch:
        del info
        return self

    def metadata(self) -> Sequence[tuple[str, str]]:
        return (TRACEPARENT,)


@pytest_asyncio.fixture
async def agent(
    peer: ServerPeer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KataAgent]:
    """A client of `peer`, whose processes get the exec id that the calls expect."""
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(EXEC_ID))
    made = KataAgent(lambda _: peer.dial, f"mock://{peer.path}", clock=clock, hook=Tracing())
    yield made
    await made.aclose()


@CALLS
async def test_each_method_is_understood_and_understands_the_answer(
    peer: ServerPeer, agent: KataAgent, call: AgentCall
) -> None:
    for rpc in call.rpcs:
        peer.script(rpc, call.answer(rpc))

    assert await call.call(agent) == call.result
    asked = peer.recorded()
    assert [(each.method, each.request) for each in asked] == list(call.requests)
    assert all(each.metadata == {TRACEPARENT[0]: [TRACEPARENT[1]]} for each in asked)


@CALLS
async def test_each_method_tells_the_guest_how_long_it_may_take(
    peer: ServerPeer, agent: KataAgent, call: AgentCall
) -> None:
    for rpc in call.rpcs:
        peer.script(rpc, call.answer(rpc))
    await call.call(agent)

    for asked in peer.recorded():
        seconds = Timeouts().of(METHOD_OF[asked.method].timeout)
        if seconds is None:
            assert asked.timeout_ns == 0
        else:
            most = int((seconds - 0.1) * 1e9)
            # Go tells what was left when it came, which no test can know to the nanosecond.
            least = most if peer.language is Language.RUST else most - int(30e9)
            assert least <= asked.timeout_ns <= most


@pytest.mark.parametrize("code", [Code.PERMISSION_DENIED, Code.UNIMPLEMENTED, Code.INTERNAL])
async def test_refusal_has_its_reason_and_leaves_the_connection(
    peer: ServerPeer, agent: KataAgent, code: Code
) -> None:
    reasons = {
        Code.PERMISSION_DENIED: Reason.POLICY_BLOCKED,
        Code.UNIMPLEMENTED: Reason.UNSUPPORTED,
        Code.INTERNAL: Reason.AGENT_ERROR,
    }
    peer.script("grpc.AgentService/DestroySandbox", code=code, message="no\n")
    with pytest.raises(AgentError) as caught:
        await agent.stop_sandbox()

    assert caught.value.reason is reasons[code]
    assert caught.value.detail == rf"{code.name}: no\n"
    await agent.check()


async def test_peer_that_dies_leaves_a_client_that_connects_again_after_disconnect(
    peer: ServerPeer, agent: KataAgent
) -> None:
    """And as nobody listens any more, that makes it dead."""
    await agent.check()
    peer.kill()
    peer.ended()
    for expected in (Reason.CLOSED, Reason.CLOSED):
        with pytest.raises(AgentError) as caught:
            await agent.check()
        assert caught.value.reason is expected

    await agent.disconnect()
    for expected in (Reason.CONNECT_FAILED, Reason.DEAD):
        with pytest.raises(AgentError) as caught:
            await agent.check()
        assert caught.value.reason is expected


def test_every_rpc_is_shown_on_both_peers() -> None:
    shown = {rpc for call in AGENT_CALLS.values() for rpc in call.rpcs}

    assert shown == {method.full_name for method in METHODS}
