"""The client's core against a model of it, through any sequence of steps."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from kata_exporter.ttrpc import ConnectionClosed, Dropped, TtrpcError
from kata_exporter.ttrpc.client_protocol import (
    AnswerDropped,
    AnswerReceived,
    ClientProtocol,
    ConnectionBroken,
    Event,
)
from kata_exporter.ttrpc.envelope import Request, Response
from wire import REQUEST, answer, frame, frames_of, header, refusal

CAP = 32
BUDGET = 4


class ClientMachine(RuleBasedStateMachine):
    """Mirrors which streams are open, forgotten and answered."""

    asked = Bundle("asked")
    late = Bundle("late")
    done = Bundle("done")

    @initialize()
    def start(self) -> None:
        self.protocol = ClientProtocol(max_unknown_answers=BUDGET)
        self.open: set[int] = set()
        self.unknown = 0
        self.next_id = 1
        self.broken = False

    @rule(target=asked)
    def send_request(self) -> int:
        if self.broken:
            try:
                self.protocol.send_request(Request("s", "m", b""), cap_bytes=CAP)
            except ConnectionClosed:
                return 0
            raise AssertionError("a broken connection took a request")
        stream_id = self.protocol.send_request(Request("s", "m", b""), cap_bytes=CAP)
        assert stream_id == self.next_id
        ((sent_id, kind, flags, _),) = frames_of(self.protocol.data_to_send())
        assert (sent_id, kind, flags) == (stream_id, REQUEST, 0)
        self.next_id += 2
        self.open.add(stream_id)
        return stream_id

    @rule(target=late, stream_id=consumes(asked))
    def forget(self, stream_id: int) -> int:
        self.protocol.forget(stream_id)
        self.open.discard(stream_id)
        return stream_id

    @rule(target=done, stream_id=consumes(asked), payload=st.binary(max_size=CAP))
    def answer_well(self, stream_id: int, payload: bytes) -> int:
        self._expect(answer(stream_id, payload), AnswerReceived(stream_id, Response(payload)))
        self.open.discard(stream_id)
        return stream_id

    @rule(target=done, stream_id=consumes(asked), code=st.integers(1, 999))
    def answer_with_a_failure(self, stream_id: int, code: int) -> int:
        response = Response(b"", code, "why")
        self._expect(refusal(stream_id, code, "why"), AnswerReceived(stream_id, response))
        self.open.discard(stream_id)
        return stream_id

    @rule(target=done, stream_id=consumes(late))
    def answer_late(self, stream_id: int) -> int:
        self._expect(answer(stream_id), AnswerDropped(stream_id, Dropped.LATE))
        return stream_id

    @rule(stream_id=done)
    def answer_twice(self, stream_id: int) -> None:
        self._unknown(stream_id)

    @rule(stream_id=st.integers(500, 2**31 - 1).map(lambda half: 2 * half + 1))
    def answer_what_nobody_asked(self, stream_id: int) -> None:
        self._unknown(stream_id)

    @rule(
        garbage=st.one_of(
            st.builds(lambda kind: header(0, 1, kind=kind), st.sampled_from([0, 1, 3, 77])),
            st.builds(lambda flags: header(0, 1, flags=flags), st.integers(1, 255)),
            st.builds(lambda half: header(0, 2 * half), st.integers(0, 2**31 - 1)),
            st.builds(lambda length: header(length, 1), st.integers(1 << 20, 2**32 - 1)),
        )
    )
    def break_a_rule(self, garbage: bytes) -> None:
        self._expect_broken(self.protocol.receive_data(garbage))

    @rule(stream_id=consumes(asked))
    def answer_with_garbage(self, stream_id: int) -> None:
        self._expect_broken(self.protocol.receive_data(frame(stream_id, b"\xff\xff\xff")))

    @rule(stream_id=consumes(asked))
    def answer_over_the_cap(self, stream_id: int) -> None:
        self._expect_broken(self.protocol.receive_data(answer(stream_id, b"x" * (CAP + 1))))

    @rule()
    def end(self) -> None:
        self._expect_broken(self.protocol.receive_eof())

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.protocol.broken == self.broken
        assert self.protocol.open_streams == len(self.open)
        assert not self.protocol.mid_frame or self.broken

    def _unknown(self, stream_id: int) -> None:
        if stream_id == 0 or self.broken:
            self._expect(answer(stream_id), AnswerDropped(stream_id, Dropped.UNKNOWN))
            return
        self.unknown += 1
        if self.unknown > BUDGET:
            self._expect_broken(self.protocol.receive_data(answer(stream_id)))
        else:
            self._expect(answer(stream_id), AnswerDropped(stream_id, Dropped.UNKNOWN))

    def _expect(self, data: bytes, event: Event) -> None:
        expected = [] if self.broken else [event]
        assert self.protocol.receive_data(data) == expected

    def _expect_broken(self, events: list[Event]) -> None:
        if self.broken:
            assert events == []
            return
        (event,) = events
        assert isinstance(event, ConnectionBroken)
        assert isinstance(event.error, TtrpcError)
        self.broken = True
        self.open.clear()


TestClientMachine = ClientMachine.TestCase
