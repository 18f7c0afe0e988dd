"""What the log says of a runtime that goes away and comes back."""

import logging

from kata_exporter.clock import Clock
from kata_exporter.errors import RuntimeAbsentError, RuntimeCallError
from kata_exporter.telemetry.logs import LogLimiter, fields


class OutageLog:
    """One line a minute at most while a runtime is away, and one once it is back.

    Args:
        logger: where to.
        clock: for the minute.
        away: what is said while it is away.
        none: what is said, once, where none was there from the start.
        back: what is said the first time that it is there, and after each line of its absence.
    """

    def __init__(
        self, logger: logging.Logger, clock: Clock, *, away: str, none: str, back: str
    ) -> None:
        self._logger = logger
        self._limiter = LogLimiter(clock)
        self._away = away
        self._none = none
        self._back = back
        self._owes_a_line = True
        self._said_none = False

    def absent(self, error: RuntimeAbsentError) -> None:
        """Take note that there is none, and never was: a node may well have none."""
        if not self._said_none:
            self._said_none = True
            self._logger.warning(self._none, extra=fields(error=error.detail))

    def failed(
        self, error: RuntimeCallError, cause: Exception | None = None, **more: object
    ) -> None:
        """Take note of a call that failed; `cause` is an error of our own, shown with its traceback."""
        passed_over = self._limiter.allow(self._away)
        if passed_over is None:
            return
        self._owes_a_line = True
        self._logger.warning(
            self._away,
            exc_info=cause,
            extra=fields(
                code=error.code,
                error=error.detail,
                lines_passed_over=passed_over or None,
                **more,
            ),
        )

    def succeeded(self, **more: object) -> None:
        """Take note that it is there."""
        if self._owes_a_line:
            self._owes_a_line = False
            self._logger.info(self._back, extra=fields(**more))
