"""What a shim says, and what of it passes."""

import pytest

from kata_exporter.discovery.directory import checked_ask
from kata_exporter.errors import AddressError, Reason, UrlError
from kata_exporter.model import Announcement
from kata_exporter.sockets import AgentUrl


class SaysOf:
    """Shims that all say one thing."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def agent_url(self, directory: str, sandbox_id: str) -> str:
        if not self.text:
            raise AddressError(f"{directory}/{sandbox_id} hung up", Reason.CLOSED)
        return self.text


async def ask(
    text: str, *, agent_roots: tuple[str, ...] = (), agent_port: int = 1024
) -> tuple[AgentUrl, Announcement]:
    checked = checked_ask(SaysOf(text), agent_roots=agent_roots, agent_port=agent_port)
    return await checked("/run/kata", "box-1")


async def test_an_address_of_its_own_agent_passes_in_its_canonical_form() -> None:
    url, announced = await ask("remote:///run/kata/box-1/agent.ttrpc:1024")

    assert str(url) == "remote:///run/kata/box-1/agent.ttrpc"
    assert announced == Announcement(root="/run/kata")


async def test_a_cid_has_one_spelling_so_that_no_claim_hides_behind_another() -> None:
    url, _ = await ask("vsock://0000000077:01024")

    assert str(url) == "vsock://77:1024"


@pytest.mark.parametrize(
    "text", ["unix:///run/docker.sock", "vsock://2:1024", "hvsock:///run/kata/box-2/a:1024"]
)
async def test_another_ones_does_not(text: str) -> None:
    with pytest.raises(UrlError):
        await ask(text)


async def test_roots_and_port_are_as_configured() -> None:
    url, _ = await ask("hvsock:///srv/vm/box-1/v:99", agent_roots=("/srv/vm",), agent_port=99)

    assert url.port == 99


async def test_a_shim_that_gives_none_is_told_with_its_reason() -> None:
    with pytest.raises(AddressError, match="hung up") as caught:
        await ask("")

    assert caught.value.reason is Reason.CLOSED
