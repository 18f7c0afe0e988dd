"""How the servers that agents are built on behave where a client misbehaves, goes, or is in no hurry.

Our client relies on this, our server imitates Rust's, and a new version of either may change it.
Texts are compared too, so that a change is seen; the package itself matches codes alone.
"""

import re
from dataclasses import dataclass

import pytest

from kata_exporter._pb import agent_pb2
from kata_exporter.ttrpc import Code
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES
from kata_exporter.ttrpc.server_protocol import ServerProtocol
from padded_message import policy_of
from peer_binary import Language
from raw_client import Answer, RawClient
from server_peer import ServerPeer
from waiting import eventually
from wire import DATA, REQUEST, RESPONSE, asked, frame, frames_of, header, responses_of

pytestmark = pytest.mark.real

HEALTH = "grpc.Health"
AGENT = "grpc.AgentService"
CHECK = (HEALTH, "Check")
OOM_EVENT = (AGENT, "GetOOMEvent")
HELD = f"{AGENT}/GetOOMEvent"
TOO_LONG = "message length 4194305 exceed maximum message size of 4194304"
UNKNOWN_TYPE = 9


@dataclass(frozen=True)
class Refusal:
    """What is sent, and how each server refuses it."""

    sent: bytes
    rust: tuple[Code, str]
    go: tuple[Code, str]
    stream_id: int = 1
    by_handler: bool = False
    """Whoever handles requests refuses it, not the protocol."""

    def by(self, language: Language) -> tuple[Code, str]:
        """Code, and a pattern of the text."""
        return self.rust if language is Language.RUST else self.go


RUST_ODD = (Code.INVALID_ARGUMENT, "stream id must be odd")
GO_ODD = (Code.INVALID_ARGUMENT, "StreamID must be odd for client initiated streams")
REFUSALS = {
    "even stream id": Refusal(asked(2, *CHECK), RUST_ODD, GO_ODD, stream_id=2),
    "stream id 0": Refusal(asked(0, *CHECK), RUST_ODD, GO_ODD, stream_id=0),
    "even stream id of an unknown type": Refusal(
        frame(2, kind=UNKNOWN_TYPE), RUST_ODD, GO_ODD, stream_id=2
    ),
    "data on an even stream id": Refusal(frame(2, kind=DATA), RUST_ODD, GO_ODD, stream_id=2),
    "frame of a byte over 4 MiB": Refusal(
        frame(1, bytes(MAX_MESSAGE_BYTES + 1), kind=REQUEST),
        (Code.INVALID_ARGUMENT, TOO_LONG),
        (Code.RESOURCE_EXHAUSTED, TOO_LONG),
    ),
    "frame of a byte over 4 MiB, of an unknown type": Refusal(
        frame(1, bytes(MAX_MESSAGE_BYTES + 1), kind=UNKNOWN_TYPE),
        (Code.INVALID_ARGUMENT, TOO_LONG),
        (Code.RESOURCE_EXHAUSTED, TOO_LONG),
    ),
    "garbage in place of a request": Refusal(
        frame(1, b"\xff\xff\xff", kind=REQUEST),
        (Code.INVALID_ARGUMENT, "Unexpected EOF"),
        (Code.INVALID_ARGUMENT, "unmarshal request error: .*"),
    ),
    "request of no bytes": Refusal(
        frame(1, kind=REQUEST),
        (Code.INVALID_ARGUMENT, " service does not exist"),
        (Code.UNIMPLEMENTED, "service "),
        by_handler=True,
    ),
    "unknown service": Refusal(
        asked(1, "grpc.Nope", "Check"),
        (Code.INVALID_ARGUMENT, "grpc.Nope service does not exist"),
        (Code.UNIMPLEMENTED, "service grpc.Nope"),
        by_handler=True,
    ),
    "service with a leading slash": Refusal(
        asked(1, "/grpc.Health", "Check"),
        (Code.INVALID_ARGUMENT, "/grpc.Health service does not exist"),
        (Code.UNIMPLEMENTED, "service /grpc.Health"),
        by_handler=True,
    ),
    "unknown method": Refusal(
        asked(1, HEALTH, "Nope"),
        (Code.UNIMPLEMENTED, "Nope method"),
        (Code.UNIMPLEMENTED, "method Nope"),
        by_handler=True,
    ),
    "garbage in place of a payload": Refusal(
        asked(1, *CHECK, b"\x0a\xff"),
        (Code.UNKNOWN, "ttrpc err: Unexpected EOF"),
        (Code.INTERNAL, "ttrpc: error unmarshalling payload: .*"),
        by_handler=True,
    ),
    "text in a payload that isn't UTF-8": Refusal(
        asked(1, *CHECK, b"\x0a\x01\xff"),
        (Code.UNKNOWN, "ttrpc err: Invalid UTF-8 sequence"),
        (Code.INTERNAL, "ttrpc: error unmarshalling payload: .*UTF-8"),
        by_handler=True,
    ),
}
PROTOCOL_REFUSALS = {name: refusal for name, refusal in REFUSALS.items() if not refusal.by_handler}


def answers_check(client: RawClient, stream_id: int) -> bool:
    return client.ask(asked(stream_id, *CHECK)) == Answer(stream_id)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_it_is_refused_under_its_stream_id_and_the_connection_lives(
    peer: ServerPeer, refusal: Refusal
) -> None:
    code, message = refusal.by(peer.language)
    with RawClient(peer.path) as client:
        answer = client.ask(refusal.sent)

        assert (answer.stream_id, answer.code) == (refusal.stream_id, code)
        assert re.fullmatch(message, answer.message)
        assert answers_check(client, 11)


@pytest.mark.parametrize("refusal", PROTOCOL_REFUSALS.values(), ids=PROTOCOL_REFUSALS)
def test_our_server_refuses_it_with_the_code_of_rusts(refusal: Refusal) -> None:
    protocol = ServerProtocol()

    assert not protocol.receive_data(refusal.sent)

    ((stream_id, code, _, _),) = responses_of(protocol.data_to_send())
    assert (stream_id, code) == (refusal.stream_id, refusal.rust[0])


@pytest.mark.parametrize("kind", [RESPONSE, UNKNOWN_TYPE])
def test_a_frame_that_is_no_request_gets_no_answer(peer: ServerPeer, kind: int) -> None:
    with RawClient(peer.path) as client:
        client.send(frame(1, b"x", kind=kind))

        assert answers_check(client, 3)
        client.stop_sending()
        assert client.rest() == b""


@pytest.mark.parametrize("flags", [0x1, 0x2, 0x4, 0xFF])
def test_flags_of_a_unary_request_are_ignored(peer: ServerPeer, flags: int) -> None:
    with RawClient(peer.path) as client:
        assert client.ask(asked(1, *CHECK, flags=flags)) == Answer(1)


def test_a_generated_service_says_which_method_it_lacks(rust_server: ServerPeer) -> None:
    rust_server.script(HELD, bare=True)
    with RawClient(rust_server.path) as client:
        answer = client.ask(asked(1, *OOM_EVENT))

    assert answer == Answer(1, Code.NOT_FOUND, f"/{HELD} is not supported")


def test_data_on_no_stream_is_refused_by_the_rust_server(rust_server: ServerPeer) -> None:
    with RawClient(rust_server.path) as client:
        answer = client.ask(frame(1, b"x", kind=DATA))

        assert answer == Answer(1, Code.INVALID_ARGUMENT, "Stream is no longer active")
        assert answers_check(client, 3)


def test_data_on_no_stream_kills_the_go_server(go_server: ServerPeer) -> None:
    # It refuses the frame, then goes on with the stream that it hasn't found.
    with RawClient(go_server.path) as client:
        client.send(frame(1, b"x", kind=DATA))

        assert go_server.ended() == 2


def test_the_rust_server_takes_any_order_of_odd_stream_ids(rust_server: ServerPeer) -> None:
    with RawClient(rust_server.path) as client:
        assert all(answers_check(client, stream_id) for stream_id in (9, 3, 3))


def test_the_go_server_takes_stream_ids_that_rise(go_server: ServerPeer) -> None:
    text = "StreamID cannot be re-used and must increment"
    with RawClient(go_server.path) as client:
        assert answers_check(client, 9)
        for stream_id in (9, 3):
            refused = Answer(stream_id, Code.INVALID_ARGUMENT, text)
            assert client.ask(asked(stream_id, *CHECK)) == refused
        assert answers_check(client, 2**32 - 1)


def test_a_frame_of_4_mib_is_taken(peer: ServerPeer) -> None:
    payload = policy_of(MAX_MESSAGE_BYTES).SerializeToString()
    request = asked(1, AGENT, "SetPolicy", payload)
    assert len(frames_of(request)[0][3]) == MAX_MESSAGE_BYTES

    with RawClient(peer.path) as client:
        assert client.ask(request) == Answer(1)


def test_a_server_waits_for_all_that_a_header_announces(peer: ServerPeer) -> None:
    with RawClient(peer.path) as announced, RawClient(peer.path) as other:
        announced.send(header(2**32 - 1, 1, kind=REQUEST) + asked(3, *CHECK))

        assert answers_check(other, 1)
        announced.stop_sending()
        assert announced.rest() == b""


def test_calls_of_one_connection_run_at_once(peer: ServerPeer) -> None:
    peer.script(HELD, hold=True)
    with RawClient(peer.path) as client:
        client.send(asked(1, *OOM_EVENT))

        assert answers_check(client, 3)
        peer.script(HELD)
        assert client.answer() == Answer(1)


def test_a_client_that_never_reads_holds_up_no_other(peer: ServerPeer) -> None:
    metrics = agent_pb2.Metrics(metrics="x" * 100_000)
    peer.script(f"{AGENT}/GetMetrics", metrics)
    with RawClient(peer.path) as deaf, RawClient(peer.path) as other:
        deaf.send(b"".join(asked(2 * n + 1, AGENT, "GetMetrics") for n in range(200)))

        assert all(answers_check(other, 2 * n + 1) for n in range(10))


# Time


@pytest.mark.parametrize("timeout_nano", [0, 2**63 - 1])
def test_no_time_out_is_no_limit(peer: ServerPeer, timeout_nano: int) -> None:
    peer.script(HELD, hold=True)
    with RawClient(peer.path) as client:
        client.send(asked(1, *OOM_EVENT, timeout_nano=timeout_nano))
        eventually(peer.recorded)

        assert answers_check(client, 3)
        peer.script(HELD)
        assert client.answer() == Answer(1)
    assert not peer.dropped()


def test_a_time_out_ends_the_handler(peer: ServerPeer) -> None:
    peer.script(HELD, hold=True)
    with RawClient(peer.path) as client:
        answer = client.ask(asked(1, *OOM_EVENT, timeout_nano=100_000_000))

        text = "timeout" if peer.language is Language.RUST else "context deadline exceeded"
        assert answer == Answer(1, Code.DEADLINE_EXCEEDED, text)
        assert peer.dropped() == [HELD]
        assert answers_check(client, 3)


def test_a_time_out_cuts_no_handler_that_waits_for_nothing(peer: ServerPeer) -> None:
    with RawClient(peer.path) as client:
        assert client.ask(asked(1, *CHECK, timeout_nano=1)) == Answer(1)


def test_a_negative_time_out_is_no_limit_to_the_rust_server(rust_server: ServerPeer) -> None:
    rust_server.script(HELD, hold=True)
    with RawClient(rust_server.path) as client:
        client.send(asked(1, *OOM_EVENT, timeout_nano=-1))

        assert answers_check(client, 3)
        rust_server.script(HELD)
        assert client.answer() == Answer(1)
    assert not rust_server.dropped()


def test_a_negative_time_out_is_over_to_the_go_server(go_server: ServerPeer) -> None:
    go_server.script(HELD, hold=True)
    with RawClient(go_server.path) as client:
        answer = client.ask(asked(1, *OOM_EVENT, timeout_nano=-1))

    assert answer.code == Code.DEADLINE_EXCEEDED


# Ends of a connection


def test_handlers_end_when_the_client_closes(peer: ServerPeer) -> None:
    peer.script(HELD, hold=True)
    with RawClient(peer.path) as client:
        client.send(b"".join(asked(stream_id, *OOM_EVENT) for stream_id in (1, 3, 5)))
        eventually(lambda: len(peer.recorded()) == 3)

    eventually(lambda: peer.dropped() == [HELD] * 3)


def test_half_a_close_is_a_close(peer: ServerPeer) -> None:
    peer.script(HELD, hold=True)
    with RawClient(peer.path) as client:
        client.send(asked(1, *OOM_EVENT))
        eventually(peer.recorded)

        client.stop_sending()
        assert client.rest() == b""
    eventually(lambda: peer.dropped() == [HELD])


def test_a_connection_that_closes_harms_no_other(peer: ServerPeer) -> None:
    peer.script(HELD, hold=True)
    with RawClient(peer.path) as stays:
        stays.send(asked(1, *OOM_EVENT))
        eventually(peer.recorded)
        with RawClient(peer.path) as goes:
            goes.send(asked(1, *OOM_EVENT))
            eventually(lambda: len(peer.recorded()) == 2)
        eventually(peer.dropped)

        peer.script(HELD)
        assert stays.answer() == Answer(1)
        assert peer.dropped() == [HELD]
