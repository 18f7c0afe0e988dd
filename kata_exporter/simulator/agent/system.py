"""What a simulated guest's agent does to its system: sandbox, network, memory, files, policy."""

import errno
from collections.abc import Callable, Mapping

from google.protobuf.message import Message

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import csi_pb2, types_pb2
from kata_exporter.simulator.agent.copied_files import CopiedFiles
from kata_exporter.simulator.agent.handler import Handler, Quote, internal, os_error
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.ttrpc import Code, StatusError

_MAC = "02:00:ca:fe:00:01"
_GATEWAY = types_pb2.Route(dest="", gateway="10.0.0.1", device="eth0")
_MICROSECONDS = 1_000_000


class GuestSystem:
    """The state of one boot that calls change and that isn't about containers.

    Args:
        guest: whose system it is.
        on_destroy: is told when the sandbox is to end, once.
        quote: writes an error's text as this release does.

    Attributes:
        files: that were copied.
        hostname: of the sandbox, empty until it is made.
        dns: lines of its resolv.conf.
        policy: the last that was set.
        clock: the time that was set last, in seconds since 1970; None: never.
    """

    def __init__(
        self, guest: SimulatedGuest, *, on_destroy: Callable[[], object], quote: Quote
    ) -> None:
        self._guest = guest
        self._on_destroy = on_destroy
        self._quote = quote
        self._destroyed = False
        self.files = CopiedFiles()
        self.hostname = ""
        self.dns: tuple[str, ...] = ()
        self.policy = ""
        self.clock: float | None = None
        self._interfaces = {
            _MAC: types_pb2.Interface(device="eth0", name="eth0", mtu=1500, hwAddr=_MAC),
        }
        self._routes = [_GATEWAY]
        self._ip_tables = {False: b"", True: b""}

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The calls, by the names of their methods."""
        return {
            "CreateSandbox": self._create_sandbox,
            "DestroySandbox": self._destroy_sandbox,
            "UpdateInterface": self._update_interface,
            "ListInterfaces": self._list_interfaces,
            "UpdateRoutes": self._update_routes,
            "ListRoutes": self._list_routes,
            "AddARPNeighbors": self._add_arp_neighbors,
            "GetIPTables": self._get_ip_tables,
            "SetIPTables": self._set_ip_tables,
            "OnlineCPUMem": self._online_cpu_mem,
            "MemHotplugByProbe": self._mem_hotplug_by_probe,
            "ReseedRandomDev": self._reseed_random_dev,
            "SetGuestDateTime": self._set_guest_date_time,
            "CopyFile": self._copy_file,
            "GetVolumeStats": self._get_volume_stats,
            "ResizeVolume": self._resize_volume,
            "SetPolicy": self._set_policy,
            "AddSwap": self._accept,
            "AddSwapPath": self._accept,
            "UpdateEphemeralMounts": self._accept,
            "RemoveStaleVirtiofsShareMounts": self._accept,
            "MemAgentMemcgSet": self._no_mem_agent,
            "MemAgentCompactSet": self._no_mem_agent,
        }

    async def _create_sandbox(self, request: pb.CreateSandboxRequest) -> None:
        if not all(module.name for module in request.kernel_modules):
            raise internal("a kernel module without a name")
        self.hostname = request.hostname
        self.dns = tuple(request.dns)

    async def _destroy_sandbox(self, request: pb.DestroySandboxRequest) -> None:
        del request
        if self._destroyed:
            raise internal("the sandbox is destroyed already")
        self._destroyed = True
        self._on_destroy()

    async def _update_interface(self, request: pb.UpdateInterfaceRequest) -> types_pb2.Interface:
        if not request.HasField("interface"):
            raise self._empty("update interface")
        wanted = request.interface
        if wanted.hwAddr not in self._interfaces:
            text = f"update interface: Link not found (Address: {wanted.hwAddr})"
            raise internal(self._quote(text))
        self._interfaces[wanted.hwAddr] = wanted
        return wanted

    async def _list_interfaces(self, request: pb.ListInterfacesRequest) -> pb.Interfaces:
        del request
        return pb.Interfaces(Interfaces=self._interfaces.values())

    async def _update_routes(self, request: pb.UpdateRoutesRequest) -> pb.Routes:
        if not request.HasField("routes"):
            raise self._empty("update routes")
        self._routes = list(request.routes.Routes)
        return pb.Routes(Routes=self._routes)

    async def _list_routes(self, request: pb.ListRoutesRequest) -> pb.Routes:
        del request
        return pb.Routes(Routes=self._routes)

    async def _add_arp_neighbors(self, request: pb.AddARPNeighborsRequest) -> None:
        if not request.HasField("neighbors"):
            raise self._empty("add arp neighbours")

    async def _get_ip_tables(self, request: pb.GetIPTablesRequest) -> pb.GetIPTablesResponse:
        return pb.GetIPTablesResponse(data=self._ip_tables[request.is_ipv6])

    async def _set_ip_tables(self, request: pb.SetIPTablesRequest) -> pb.SetIPTablesResponse:
        self._ip_tables[request.is_ipv6] = request.data
        return pb.SetIPTablesResponse()

    async def _online_cpu_mem(self, request: pb.OnlineCPUMemRequest) -> None:
        if request.nb_cpus > self._guest.cpus:
            raise internal(f"failed to online {request.nb_cpus} CPU(s)")

    async def _mem_hotplug_by_probe(self, request: pb.MemHotplugByProbeRequest) -> None:
        if request.memHotplugProbeAddr:  # GetGuestDetails says that it has no probe
            raise os_error(errno.ENOENT)

    async def _reseed_random_dev(self, request: pb.ReseedRandomDevRequest) -> None:
        if not request.data:
            raise internal("missing entropy data")

    async def _set_guest_date_time(self, request: pb.SetGuestDateTimeRequest) -> None:
        if request.Sec < 0 or not 0 <= request.Usec < _MICROSECONDS:
            raise os_error(errno.EINVAL)
        self.clock = request.Sec + request.Usec / _MICROSECONDS

    async def _copy_file(self, request: pb.CopyFileRequest) -> None:
        self.files.copy(request)

    async def _get_volume_stats(
        self, request: pb.VolumeStatsRequest
    ) -> csi_pb2.VolumeStatsResponse:
        state = self._guest.state()
        for (_, mount), space in state.filesystem_bytes.items():
            if mount == request.volume_guest_path:
                inodes = next(i for (_, at), i in state.filesystem_inodes.items() if at == mount)
                return csi_pb2.VolumeStatsResponse(
                    usage=[
                        csi_pb2.VolumeUsage(unit=csi_pb2.VolumeUsage.BYTES, **space),
                        csi_pb2.VolumeUsage(unit=csi_pb2.VolumeUsage.INODES, **inodes),
                    ],
                    volume_condition=csi_pb2.VolumeCondition(message="OK"),
                )
        raise os_error(errno.ENOENT)

    async def _resize_volume(self, request: pb.ResizeVolumeRequest) -> None:
        del request
        text = "resize_volume is not implemented in kata-agent"
        raise StatusError(Code.UNIMPLEMENTED, self._quote(text))

    async def _set_policy(self, request: pb.SetPolicyRequest) -> None:
        self.policy = request.policy

    async def _no_mem_agent(self, request: Message) -> None:
        del request
        raise internal("mem-agent is disabled")

    async def _accept(self, request: Message) -> None:
        """Do what shows nowhere in a simulated guest."""
        del request

    def _empty(self, what: str) -> StatusError:
        return StatusError(Code.INVALID_ARGUMENT, self._quote(f"empty {what} request"))
