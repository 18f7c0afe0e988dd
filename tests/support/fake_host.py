"""A VMM and shared files that note what they are asked."""

from pathlib import Path

from kata_exporter.agent.collaborators import SharedRootfs
from kata_exporter.agent.types import ContainerConfig, SandboxConfig


class FakeHypervisor:
    """Gives one URL."""

    def __init__(self, url: str | None = None, *, remote: bool = False) -> None:
        self.url = url
        self.remote = remote
        self.added: list[str] = []

    def agent_url(self, sandbox_id: str) -> str | None:
        del sandbox_id
        return self.url

    async def add_vsock(self, url: str) -> None:
        self.added.append(f"vsock {url}")

    async def share_directory(self, path: Path, tag: str) -> None:
        self.added.append(f"share {path} {tag}")


class FakeSharing:
    """Shares one root file system, or fails."""

    def __init__(self, rootfs: SharedRootfs, failing: frozenset[str] = frozenset()) -> None:
        self.rootfs = rootfs
        self.failing = failing
        self.done: list[str] = []

    def _do(self, what: str, sandbox: SandboxConfig) -> None:
        self.done.append(f"{what} {sandbox.id}")
        if what in self.failing:
            raise OSError(16, f"{what} failed")

    async def share_rootfs(
        self, sandbox: SandboxConfig, container: ContainerConfig
    ) -> SharedRootfs:
        del container
        self._do("share", sandbox)
        return self.rootfs

    async def unshare_rootfs(self, sandbox: SandboxConfig, container: ContainerConfig) -> None:
        del container
        self._do("unshare", sandbox)

    async def cleanup(self, sandbox: SandboxConfig) -> None:
        self._do("cleanup", sandbox)
