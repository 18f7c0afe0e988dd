"""Whatever a fleet is cancelled in, its stop leaves no socket, folder, task or descriptor."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest

from kata_exporter.simulator import Fleet
from kata_exporter.sockets import AgentUrl, connect_unix

Operation = Callable[[Fleet], Awaitable[object]]

OPERATIONS: dict[str, Operation] = {
    "start": lambda fleet: fleet.start(),
    "add": lambda fleet: fleet.add(),
    "remove": lambda fleet: fleet.remove(fleet.sandboxes[1]),
    "replace": lambda fleet: fleet.replace(fleet.sandboxes[1]),
    "reboot": lambda fleet: fleet.sandboxes[1].reboot(),
    "stop": lambda fleet: fleet.stop(),
}


async def cancelled_after(operation: Awaitable[object], turns: int) -> bool:
    """Cancel something after so many turns of the event loop; return whether it was done by then."""
    task = asyncio.ensure_future(operation)
    for _ in range(turns):
        await asyncio.sleep(0)
        if task.done():
            break
    task.cancel()
    await asyncio.wait([task])
    return not task.cancelled()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_fleet_that_is_cancelled_at_any_turn_can_be_stopped(
    name: str, tmp_path: Path
) -> None:
    for turns in count():
        root = tmp_path / str(turns)
        fleet = Fleet(root, sandboxes=3)
        clients = []
        if name != "start":
            await fleet.start()
            sandbox = fleet.sandboxes[1]
            agent_path, shim_path = AgentUrl.parse(sandbox.agent_url).path, str(sandbox.shim.path)
            clients = [await connect_unix(agent_path), await connect_unix(shim_path)]

        done = await cancelled_after(OPERATIONS[name](fleet), turns)
        await fleet.stop()

        for client in clients:
            client.close()
        assert not root.exists() or list(root.iterdir()) == [], turns
        if done:
            break
    assert turns > 0
