"""The interface as a whole."""

from typing import Protocol

from kata_exporter.agent.interface.connection import ConnectionMethods
from kata_exporter.agent.interface.container import ContainerMethods
from kata_exporter.agent.interface.guest import GuestMethods
from kata_exporter.agent.interface.network import NetworkMethods
from kata_exporter.agent.interface.observe import ObserveMethods
from kata_exporter.agent.interface.process import ProcessMethods
from kata_exporter.agent.interface.sandbox import SandboxMethods


class Agent(
    ConnectionMethods,
    SandboxMethods,
    ContainerMethods,
    ProcessMethods,
    NetworkMethods,
    GuestMethods,
    ObserveMethods,
    Protocol,
):
    """All that Kata's runtime can have an agent do: 45 methods, under their names in snake_case.

    What holds for every method that asks the agent:

    - ``deadline`` is absolute, on the client's clock, connecting included, for all that the method
      sends. Without one, each call has the time-out of its class: 30 s for `check`, 60 s or what the
      sandbox is configured to for `create_container`, none for what waits for something to happen
      in the guest (`wait_process`, `read_process_stdout`, `read_process_stderr`, `get_oom_event`),
      60 s for the others.
    - It raises `AgentError` where there is no usable answer, and says why in ``reason``;
      `ArgumentError` before anything is sent where an argument can't be right.
    - Cancelling leaves the connection as it is; a call that waits closes its own, which has the
      agent end the wait.
    """
