"""A guest's network."""

from collections.abc import Sequence
from typing import Protocol

from kata_exporter.agent.types import Interface, Route


class NetworkMethods(Protocol):
    """Interfaces and routes of a guest."""

    async def update_interface(
        self, interface: Interface, *, deadline: float | None = None
    ) -> Interface:
        """Set an interface up and return it as it is then (``UpdateInterface``).

        A device that the guest doesn't know yet is tried again, up to 20 times in all, after pauses
        of 20 ms that double each time, and up to 100 ms more. Without a deadline each try has the
        time-out of the class, and the last pauses are hours long.

        Raises:
            AgentError: of the last try; that there was no time for another changes nothing in it.
        """

    async def list_interfaces(self, *, deadline: float | None = None) -> tuple[Interface, ...]:
        """Return the guest's interfaces (``ListInterfaces``).

        The guest does nothing else for its sandbox meanwhile.
        """

    async def update_routes(
        self, routes: Sequence[Route] | None, *, deadline: float | None = None
    ) -> tuple[Route, ...] | None:
        """Replace the guest's routes and return them as they are then (``UpdateRoutes``).

        None asks nothing and returns None; an empty list is sent.
        """

    async def list_routes(self, *, deadline: float | None = None) -> tuple[Route, ...]:
        """Return the guest's routes (``ListRoutes``), as `list_interfaces`."""
