"""Where sandboxes are found, and the folder of more of them, as the file may say it."""

import pytest

from decoded import errors, settings
from kata_exporter.config.settings import DiscoverySettings


def test_every_value_of_discovery_is_read() -> None:
    text = (
        "discovery: {directories: [/run//kata/, /a/./b, /run/kata], agent_roots: [//vm],"
        " agent_port: 4000000000, peer_uids: [0, 65534, 65534]}"
    )

    assert settings(text).discovery == DiscoverySettings(
        ("/run/kata", "/a/b"), ("/vm",), 4_000_000_000, (0, 65534)
    )


def test_an_empty_list_of_directories_is_none() -> None:
    assert settings("discovery: {directories: []}").discovery.directories == ()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "discovery: {directories: }",
            (
                "c.yaml:1: discovery.directories: has no value:"
                " write [] for none, or leave the key out"
            ),
        ),
        (
            "discovery: {directories: /run/kata}",
            "c.yaml:1: discovery.directories: must be a list",
        ),
        (
            "discovery: {directories: [run/kata]}",
            (
                "c.yaml:1: discovery.directories[0]: 'run/kata' is no absolute path without '..':"
                " write it out from /"
            ),
        ),
        (
            "discovery: {agent_roots: [/run, /run/../etc]}",
            "c.yaml:1: discovery.agent_roots[1]: '/run/../etc' is no absolute path without '..'",
        ),
        (
            'discovery: {agent_roots: ["/a\\x00"]}',
            "c.yaml:1: discovery.agent_roots[0]: '/a\\x00' is no path of printable characters",
        ),
        (
            f"discovery: {{directories: [/{'d' * 4096}]}}",
            f"c.yaml:1: discovery.directories[0]: '/{'d' * 58}…' is longer than 4096 characters",
        ),
        (
            f"discovery: {{directories: [{', '.join(f'/d{n}' for n in range(65))}]}}",
            "c.yaml:1: discovery.directories: has 65 entries, where 64 are allowed",
        ),
        (
            "discovery: {agent_port: 0}",
            "c.yaml:1: discovery.agent_port: must be a whole number from 1 to 4294967294, not 0",
        ),
        (
            "discovery: {peer_uids: [4294967295]}",
            "c.yaml:1: discovery.peer_uids[0]: must be a whole number from 0 to 4294967294",
        ),
        (
            'sandboxes_directory: ""',
            "c.yaml:1: sandboxes_directory: '' is no path of printable characters",
        ),
    ],
)
def test_a_mistake_is_told_with_line_key_and_advice(text: str, error: str) -> None:
    lines = errors(text)

    assert len(lines) == 1, lines
    assert lines[0].startswith(error)
