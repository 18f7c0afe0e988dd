"""Messages of a guest's network."""

from kata_exporter._pb import types_pb2 as pb
from kata_exporter.agent.messages.shape import Shape
from kata_exporter.agent.types.network import ARPNeighbor, Interface, IPAddress, IPFamily, Route

_FAMILY = {"family": IPFamily}

IP_ADDRESS = Shape(IPAddress, pb.IPAddress, enums=_FAMILY)
INTERFACE = Shape(Interface, pb.Interface, {"mtu_bytes": "mtu"}, nested=[IP_ADDRESS])
ROUTE = Shape(Route, pb.Route, {"mtu_bytes": "mtu"}, enums=_FAMILY)
ARP_NEIGHBOR = Shape(ARPNeighbor, pb.ARPNeighbor, nested=[IP_ADDRESS])
