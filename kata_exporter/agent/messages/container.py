"""Messages of what a container is made of."""

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.messages.shape import Shape
from kata_exporter.agent.types.container import Device, FSGroup, FSGroupChangePolicy, Storage

FS_GROUP = Shape(FSGroup, pb.FSGroup, enums={"group_change_policy": FSGroupChangePolicy})
STORAGE = Shape(Storage, pb.Storage, nested=[FS_GROUP])
DEVICE = Shape(Device, pb.Device)
