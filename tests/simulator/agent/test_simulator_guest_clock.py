"""A frozen guest's timers wait until it goes on."""

from fake_clock import FakeClock
from kata_exporter.simulator.agent.guest_clock import GuestClock


def test_timers_run_at_their_time_while_it_goes(clock: FakeClock) -> None:
    ran: list[str] = []
    GuestClock(clock).call_at(clock.monotonic() + 1.0, lambda: ran.append("x"))

    clock.advance(1.0)

    assert ran == ["x"]


def test_timers_that_come_due_while_it_is_frozen_run_when_it_goes_on(clock: FakeClock) -> None:
    ran: list[str] = []
    guest_clock = GuestClock(clock)
    guest_clock.frozen = True
    guest_clock.call_at(clock.monotonic() + 1.0, lambda: ran.append("due"))
    guest_clock.call_at(clock.monotonic() + 9.0, lambda: ran.append("later"))
    called_off = guest_clock.call_at(clock.monotonic() + 1.0, lambda: ran.append("never"))

    clock.advance(5.0)
    assert ran == []
    called_off.cancel()
    guest_clock.frozen = False
    assert ran == ["due"]

    clock.advance(5.0)
    assert ran == ["due", "later"]
    assert guest_clock.monotonic() == clock.monotonic()
