"""How containers ended, as the runtime remembers it: asked once of each that has exited."""

from collections.abc import Callable, Iterable

from kata_exporter._pb import cri_pb2
from kata_exporter.discovery.cri.runtime import CriRuntime
from kata_exporter.errors import RuntimeCallError
from kata_exporter.model import ContainerFinished

SOURCE = "cri"

MAX_ASKED_AT_ONCE = 20
"""How many containers are asked for after one listing; the rest has its turn after the next."""

OOM_KILLED = "OOMKilled"
"""The reason that containerd and CRI-O give, and that Kubernetes shows."""

_NOT_FOUND = "NOT_FOUND"

TellFinished = Callable[[ContainerFinished], object]


class Endings:
    """Asks for the status of each container that has exited.

    Args:
        tell: is told how each has ended.
    """

    def __init__(self, tell: TellFinished) -> None:
        self._tell = tell
        self._asked: set[str] = set()

    async def look(self, runtime: CriRuntime, listed: Iterable[cri_pb2.Container]) -> bool:
        """Ask for those that are new among the containers of a listing.

        Returns:
            Whether some are left for the next time.

        Raises:
            RuntimeCallError: a call failed otherwise than that the container has gone meanwhile.
        """
        exited = [one.id for one in listed if one.state == cri_pb2.CONTAINER_EXITED]
        self._asked.intersection_update(exited)
        new = [id_ for id_ in exited if id_ not in self._asked]
        for container_id in new[:MAX_ASKED_AT_ONCE]:
            await self._ask(runtime, container_id)
            self._asked.add(container_id)
        return len(new) > MAX_ASKED_AT_ONCE

    async def _ask(self, runtime: CriRuntime, container_id: str) -> None:
        try:
            status = await runtime.container_status(container_id)
        except RuntimeCallError as error:
            if error.code != _NOT_FOUND:
                raise
            return
        if status.state == cri_pb2.CONTAINER_EXITED and status.finished_at > 0:
            oom_killed = status.reason == OOM_KILLED
            self._tell(ContainerFinished(SOURCE, container_id, "", oom_killed, status.finished_at))
