"""A sandbox's life."""

from typing import Protocol

from kata_exporter.agent.types import AgentConfig, Capability, SandboxConfig


class SandboxMethods(Protocol):
    """From the configuration of a sandbox to its end."""

    def init(self, sandbox: SandboxConfig, config: AgentConfig) -> bool:
        """Take over the configuration; nothing connects.

        Returns:
            Whether the guest must shut itself down, so that the spans of its tracing get out.

        Raises:
            ArgumentError: a time-out is negative.
        """

    def capabilities(self) -> frozenset[Capability]:
        """Return what the agent can do for its runtime; the same for every agent."""

    async def create_sandbox(self, sandbox: SandboxConfig) -> None:
        """Prepare host and VM for a sandbox, as `configure` does.

        Sends nothing: the agent's ``CreateSandbox`` is sent by `start_sandbox`, once the VM runs.
        """

    async def start_sandbox(self, sandbox: SandboxConfig, *, deadline: float | None = None) -> None:
        """Set the guest up: policy, network, then the sandbox itself.

        In this order: ``Health/Check``; ``SetPolicy`` if there is one; ``UpdateInterface`` for each interface,
        ``UpdateRoutes`` and ``AddARPNeighbors`` (that an old agent may not have); ``CreateSandbox``
        with host name, DNS, storages and kernel modules. A sandbox on another machine gets neither
        network nor kernel modules, and 300 s for each call but the first. A deadline is the only
        bound of the whole, and of the first call too; without one each has the time-out of its class.

        Raises:
            AgentError: of the first call that failed; those after it weren't made.
            ArgumentError: before the first call; ``sandbox.resolv_conf`` can't be read, or a field
                can't be sent.
        """

    async def stop_sandbox(self, *, deadline: float | None = None) -> None:
        """End the sandbox (``DestroySandbox``): the guest gives up its OOM events and shuts down."""

    async def cleanup(self, sandbox: SandboxConfig) -> None:
        """Undo on the host what sharing files took; what fails is logged alone."""
