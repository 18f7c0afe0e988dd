"""Kinds of sandboxes: what differs from one to the next in a fleet."""

from dataclasses import dataclass
from pathlib import Path

from kata_exporter.simulator.agent.versions import NEWEST
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from kata_exporter.simulator.guest.profiles import Profile
from kata_exporter.simulator.host.shim import ShimLayout

_VMS = {ShimLayout.GO: Path("run/vc/vm"), ShimLayout.RUST: ShimLayout.RUST.folder}

VM_FOLDERS = tuple(_VMS.values())
"""Where the folders of VMs are, relative to the host's root."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a sandbox is like.

    ``hybrid`` is whether its agent is reached through a VMM's hybrid vsock socket; otherwise it is
    on a unix socket of its own, as a peer pod's proxy offers it.
    """

    layout: ShimLayout = ShimLayout.GO
    hybrid: bool = True
    profile: Profile = Profile.MIXED
    version: str = str(NEWEST)
    cgroup: CgroupVersion = CgroupVersion.V2

    @property
    def runtime_handler(self) -> str:
        """The handler that would start it, as Kata's own installer names them."""
        if not self.hybrid:
            return "kata-remote"
        return "kata-clh" if self.layout is ShimLayout.GO else "kata-dragonball"

    def folder(self, sandbox_id: str) -> Path:
        """Return the folder of its VM, relative to the host's root; it is the sandbox's alone."""
        return _VMS[self.layout] / sandbox_id

    def agent_socket(self, sandbox_id: str) -> Path:
        """Return the socket that leads to its agent, relative to the host's root."""
        folder = self.folder(sandbox_id)
        if self.layout is ShimLayout.GO:
            return folder / ("clh.sock" if self.hybrid else "agent.ttrpc")
        return folder / "root" / ("kata.hvsock" if self.hybrid else "agent.ttrpc")


EVERY_WAY = tuple(
    Kind(layout=layout, hybrid=hybrid) for layout in ShimLayout for hybrid in (False, True)
)
"""Both runtimes, each with both ways to the agent."""
