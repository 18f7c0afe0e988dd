"""`NetworkMethods` of the client, and what else concerns a guest's network."""

import random
from collections.abc import Sequence
from typing import Any

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import types_pb2
from kata_exporter.agent.arguments import checked_data, checked_flag
from kata_exporter.agent.calls.part import Part
from kata_exporter.agent.errors import AgentError, answer_of, check_count, link_not_found
from kata_exporter.agent.interface.network import NetworkMethods
from kata_exporter.agent.messages.network import ARP_NEIGHBOR, INTERFACE, ROUTE
from kata_exporter.agent.methods import (
    ADD_ARP_NEIGHBORS,
    GET_IP_TABLES,
    LIST_INTERFACES,
    LIST_ROUTES,
    SET_IP_TABLES,
    UPDATE_INTERFACE,
    UPDATE_ROUTES,
    Method,
)
from kata_exporter.agent.types import ARPNeighbor, Interface, Route

INTERFACE_TRIES = 20
FIRST_PAUSE_SECONDS = 0.02
JITTER_SECONDS = 0.1


class NetworkCalls(Part, NetworkMethods):
    """Interfaces, routes and neighbours of a guest."""

    async def update_interface(
        self, interface: Interface, *, deadline: float | None = None
    ) -> Interface:
        message = INTERFACE.encode(interface, "interface")
        for done in range(1, INTERFACE_TRIES):
            try:
                return await self._update_interface(message, deadline)
            except AgentError as error:
                pause = FIRST_PAUSE_SECONDS * 2 ** (done - 1) + JITTER_SECONDS * random.random()  # noqa: S311  no secret
                if not link_not_found(error) or not self._in_time(pause, deadline):
                    raise
            await self._clock.sleep(pause)
        return await self._update_interface(message, deadline)

    async def list_interfaces(self, *, deadline: float | None = None) -> tuple[Interface, ...]:
        request = pb.ListInterfacesRequest()
        answer = await self._caller.call(LIST_INTERFACES, request, deadline=deadline)
        addresses = sum(len(interface.IPAddresses) for interface in answer.Interfaces)
        check_count(LIST_INTERFACES, len(answer.Interfaces) + addresses)
        with answer_of(LIST_INTERFACES):
            return tuple(INTERFACE.decode(interface) for interface in answer.Interfaces)

    async def update_routes(
        self, routes: Sequence[Route] | None, *, deadline: float | None = None
    ) -> tuple[Route, ...] | None:
        if routes is None:
            return None
        answer = await self._caller.call(UPDATE_ROUTES, routes_request(routes), deadline=deadline)
        return _routes(UPDATE_ROUTES, answer)

    async def list_routes(self, *, deadline: float | None = None) -> tuple[Route, ...]:
        request = pb.ListRoutesRequest()
        answer = await self._caller.call(LIST_ROUTES, request, deadline=deadline)
        return _routes(LIST_ROUTES, answer)

    async def add_arp_neighbors(
        self, neighbors: Sequence[ARPNeighbor], *, deadline: float | None = None
    ) -> None:
        """Add entries to the guest's neighbour table (``AddARPNeighbors``)."""
        request = neighbors_request(neighbors)
        await self._caller.call(ADD_ARP_NEIGHBORS, request, deadline=deadline)

    async def get_ip_tables(self, *, ipv6: bool = False, deadline: float | None = None) -> bytes:
        """Return the guest's packet filter, as iptables-save prints it (``GetIPTables``)."""
        request = pb.GetIPTablesRequest(is_ipv6=checked_flag("ipv6", ipv6))
        return (await self._caller.call(GET_IP_TABLES, request, deadline=deadline)).data

    async def set_ip_tables(
        self, data: bytes, *, ipv6: bool = False, deadline: float | None = None
    ) -> bytes:
        """Replace the guest's packet filter by what iptables-restore reads (``SetIPTables``).

        Returns:
            What iptables-restore printed.
        """
        request = pb.SetIPTablesRequest(
            is_ipv6=checked_flag("ipv6", ipv6), data=checked_data("data", data)
        )
        return (await self._caller.call(SET_IP_TABLES, request, deadline=deadline)).data

    async def _update_interface(
        self, message: types_pb2.Interface, deadline: float | None
    ) -> Interface:
        request = pb.UpdateInterfaceRequest(interface=message)
        answer = await self._caller.call(UPDATE_INTERFACE, request, deadline=deadline)
        check_count(UPDATE_INTERFACE, len(answer.IPAddresses))
        with answer_of(UPDATE_INTERFACE):
            return INTERFACE.decode(answer)

    def _in_time(self, pause_seconds: float, deadline: float | None) -> bool:
        return deadline is None or self._clock.monotonic() + pause_seconds < deadline


def routes_request(routes: Sequence[Route]) -> pb.UpdateRoutesRequest:
    """Return the request that sets routes."""
    messages = ROUTE.encode_all(routes, "routes")
    return pb.UpdateRoutesRequest(routes=pb.Routes(Routes=messages))


def neighbors_request(neighbors: Sequence[ARPNeighbor]) -> pb.AddARPNeighborsRequest:
    """Return the request that adds neighbours."""
    messages = ARP_NEIGHBOR.encode_all(neighbors, "neighbors")
    return pb.AddARPNeighborsRequest(neighbors=pb.ARPNeighbors(ARPNeighbors=messages))


def _routes(method: Method[Any, pb.Routes], answer: pb.Routes) -> tuple[Route, ...]:
    check_count(method, len(answer.Routes))
    with answer_of(method):
        return tuple(ROUTE.decode(route) for route in answer.Routes)
