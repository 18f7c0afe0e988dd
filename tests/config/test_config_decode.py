"""How each mistake in a configuration file is told."""

import pytest

from decoded import errors


def sandbox_with(line: str) -> str:
    return f"sandboxes:\n- id: demo-1\n  agent_url: unix:///a\n  {line}\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        # Unknown and missing keys.
        ("colection: {}", "c.yaml:1: colection: unknown key; did you mean 'collection'?"),
        ("\nweb: {listen: x}", "c.yaml:2: web.listen: unknown key; did you mean 'listen_address'?"),
        (
            "collectors: {cpu: true}",
            "c.yaml:1: collectors.cpu: unknown key; it is one of guest_metrics, container_stats",
        ),
        (
            "collectors: {guest_metrics: off}",
            "c.yaml:1: collectors.guest_metrics: 'off' is not a choice: write true or false",
        ),
        (
            "metrics:\n  max_series: 5",
            "c.yaml:2: metrics.max_series: must be a whole number from 1000 to 10000000, not 5",
        ),
        (
            "metrics: {max_series_per_sandbox: lots}",
            (
                "c.yaml:1: metrics.max_series_per_sandbox: must be a whole number from 100 to"
                " 1000000, not 'lots'"
            ),
        ),
        (
            "metrics: {deny: kata_*}",
            "c.yaml:1: metrics.deny: must be a list: begin each entry with '- '; here is",
        ),
        ("metrics: {allow: }", "c.yaml:1: metrics.allow: has no value: write [] for none"),
        ("log: {zzz: x}", "c.yaml:1: log.zzz: unknown key; it is one of level, format"),
        (
            "on: 1",
            (
                "c.yaml:1: on: unknown key; it is one of"
                " collection, collectors, metrics, discovery, cri, containerd, oom, web, log,"
                " tracing, sandboxes, sandboxes_directory"
            ),
        ),
        ("sandboxes:\n- {id: demo-1}", "c.yaml:2: sandboxes[0]: agent_url is missing: add it"),
        ("sandboxes:\n- {agent_url: x}", "c.yaml:2: sandboxes[0]: id is missing: add it"),
        (
            sandbox_with("containers: [{name: app}]"),
            "c.yaml:4: sandboxes[0].containers[0]: id is missing: add it",
        ),
        (
            sandbox_with("pod: {nmae: x}"),
            "c.yaml:4: sandboxes[0].pod.nmae: unknown key; did you mean 'name'?",
        ),
        # Wrong shapes.
        (
            "[1]",
            (
                "c.yaml:1: must be a mapping with the keys"
                " collection, collectors, metrics, discovery, cri, containerd, oom, web, log,"
                " tracing, sandboxes, sandboxes_directory; here is a list"
            ),
        ),
        (
            "web: 9823",
            (
                "c.yaml:1: web: must be a mapping with the keys listen_address, enable_lifecycle,"
                " admin_socket; here is a single value"
            ),
        ),
        (
            "sandboxes: {id: x}",
            "c.yaml:1: sandboxes: must be a list: begin each entry with '- '; here is a mapping",
        ),
        (
            "sandboxes: [~]",
            (
                "c.yaml:1: sandboxes[0]: must be a mapping with the keys id, agent_url, pod, oom, containers;"
                " here is a single value"
            ),
        ),
        (
            "log: {level: [info]}",
            "c.yaml:1: log.level: must be one of debug, info, warn, error; here is a list",
        ),
        (
            "log: {level: }",
            (
                "c.yaml:1: log.level: has no value: it must be one of debug, info, warn, error;"
                " write one, or leave the key out"
            ),
        ),
        # Durations.
        (
            "collection: {interval: 15}",
            "c.yaml:1: collection.interval: '15' has no unit: write a duration such as 15s or 500ms",
        ),
        (
            "collection: {interval: 500ms}",
            "c.yaml:1: collection.interval: must be from 1s to 1d",
        ),
        (
            "collection: {interval: 10s, timeout: 11s}",
            "c.yaml:1: collection.timeout: must be from 10ms to 10s (collection.interval)",
        ),
        (
            "collection: {interval: 10s, max_age: 9s}",
            "c.yaml:1: collection.max_age: must be from 10s to 1w3d (from collection.interval on)",
        ),
        # Numbers.
        (
            "collection: {concurrency: many}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not 'many'",
        ),
        (
            "collection: {concurrency: 0}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not 0",
        ),
        (
            "collection: {concurrency: 010}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not '010'",
        ),
        (
            "collection: {concurrency: '8'}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not '8'",
        ),
        # Addresses and choices.
        ("web: {listen_address: 9823}", "c.yaml:1: web.listen_address: '9823' has no port"),
        ("web: {listen_address: [':1', x]}", "c.yaml:1: web.listen_address[1]: 'x' has no port"),
        (
            "web: {listen_address: []}",
            "c.yaml:1: web.listen_address: is an empty list: name an address, or leave the key out",
        ),
        (
            "web: {admin_socket: run/a.sock}",
            "c.yaml:1: web.admin_socket: 'run/a.sock' is no absolute path without '..'",
        ),
        (
            "web: {admin_socket: }",
            "c.yaml:1: web.admin_socket: has no value: it must be the path of a socket",
        ),
        (
            "log: {level: loud}",
            "c.yaml:1: log.level: 'loud' is not a choice: write one of debug, info, warn, error",
        ),
        ("log: {format: off}", "c.yaml:1: log.format: 'off' is not a choice"),
        (
            "web: {enable_lifecycle: yes}",
            "c.yaml:1: web.enable_lifecycle: 'yes' is not a choice: write true or false",
        ),
        # Text that YAML takes for something else.
        (
            sandbox_with("pod: {namespace: no}"),
            (
                "c.yaml:4: sandboxes[0].pod.namespace: must be text, but YAML takes 'no' for"
                ' true or false: put it in quotes: "no"'
            ),
        ),
        (
            sandbox_with("pod: {uid: 12345}"),
            (
                "c.yaml:4: sandboxes[0].pod.uid: must be text, but YAML takes '12345' for a number:"
                ' put it in quotes: "12345"'
            ),
        ),
        (
            sandbox_with("pod: {name: 2024-01-01}"),
            (
                "c.yaml:4: sandboxes[0].pod.name: must be text, but YAML takes '2024-01-01' for"
                ' a timestamp: put it in quotes: "2024-01-01"'
            ),
        ),
        (
            f"sandboxes: [{{id: {'1' * 70}, agent_url: x}}]",
            (
                f"c.yaml:1: sandboxes[0].id: must be text, but YAML takes '{'1' * 59}…' for a number:"
                " quote it"
            ),
        ),
        (
            sandbox_with("pod: {uid: ~}"),
            (
                "c.yaml:4: sandboxes[0].pod.uid: has no value: it must be text;"
                " write one, or leave the key out"
            ),
        ),
        # Ids, lengths, characters.
        (
            "sandboxes: [{id: '../x', agent_url: x}]",
            "c.yaml:1: sandboxes[0].id: '../x' is no id: 2 to 128 ASCII letters",
        ),
        ("sandboxes: [{id: x, agent_url: x}]", "c.yaml:1: sandboxes[0].id: 'x' is no id"),
        (
            sandbox_with("containers: [{id: 'ü2'}]"),
            "c.yaml:4: sandboxes[0].containers[0].id: 'ü2' is no id",
        ),
        (
            sandbox_with(f"pod: {{namespace: {'n' * 254}}}"),
            "c.yaml:4: sandboxes[0].pod.namespace: has 254 characters, where 0 to 253 are allowed",
        ),
        (
            "sandboxes: [{id: demo-1, agent_url: ''}]",
            "c.yaml:1: sandboxes[0].agent_url: has 0 characters, where 1 to 4096 are allowed",
        ),
        (
            f"sandboxes: [{{id: demo-1, agent_url: {'u' * 4097}}}]",
            "c.yaml:1: sandboxes[0].agent_url: has 4097 characters, where 1 to 4096 are allowed",
        ),
        (
            'sandboxes: [{id: demo-1, agent_url: "unix:///a\\x1b[31m"}]',
            "c.yaml:1: sandboxes[0].agent_url: has the unprintable character U+001B: take it out",
        ),
        # The container runtime.
        (
            "cri: {endpoint: tcp://1.2.3.4:5}",
            "c.yaml:1: cri.endpoint: 'tcp://1.2.3.4:5' is no endpoint: write auto, none, or the path",
        ),
        (
            'cri: {pod_labels: [app, ""]}',
            "c.yaml:1: cri.pod_labels[1]: has 0 characters, where 1 to 317 are allowed",
        ),
        (
            "containerd: {namespace: a..b}",
            "c.yaml:1: containerd.namespace: 'a..b' is no id: at most",
        ),
        (f"containerd: {{namespace: {'a' * 77}}}", "c.yaml:1: containerd.namespace: 'aaaa"),
        # Duplicates.
        (
            "log: {level: info, level: debug}",
            "c.yaml:1: log.level: given twice, first in line 1: keep one",
        ),
        (
            sandbox_with("containers:\n  - id: ctr-one\n  - id: ctr-one"),
            (
                "c.yaml:6: sandboxes[0].containers[1].id: 'ctr-one' is the id of the container in line 5"
                " too: give each container an id of its own"
            ),
        ),
        (
            "sandboxes:\n- {id: demo-1, agent_url: a}\n- {id: demo-1, agent_url: b}",
            (
                "c.yaml:3: sandboxes[1].id: 'demo-1' is the id of the sandbox in line 2 too:"
                " give each sandbox an id of its own"
            ),
        ),
        # What the tree refuses is told once.
        ("web: *x", "c.yaml:1: web: aliases (*name) are not read: write the value out"),
        ("log: {level: !!str info}", "c.yaml:1: log.level: tags such as"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_advice(text: str, error: str) -> None:
    lines = errors(text)

    assert len(lines) == 1, lines
    assert lines[0].startswith(error)


def test_all_mistakes_of_a_file_are_told_in_the_order_of_its_lines() -> None:
    text = (
        "web: {listen_address: x}\n"
        "collection:\n"
        "  interval: 15\n"
        "  interval: 15s\n"
        "  timeout: 11s\n"
        "sandboxes:\n"
        "- {id: '', agent_url: ''}\n"
        "typo: 1\n"
    )

    assert [line.split(": ")[:2] for line in errors(text)] == [
        ["c.yaml:1", "web.listen_address"],
        ["c.yaml:3", "collection.interval"],
        ["c.yaml:4", "collection.interval"],
        ["c.yaml:7", "sandboxes[0].id"],
        ["c.yaml:7", "sandboxes[0].agent_url"],
        ["c.yaml:8", "typo"],
    ]
