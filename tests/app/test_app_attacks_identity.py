"""Attacks on who is who: labels, names and types are the exporter's, whatever a guest sends."""

import re
from collections.abc import Iterator
from pathlib import Path

from fake_clock import FakeClock
from kata_exporter.catalog import METRICS_OF_SANDBOXES
from kata_exporter.metrics import Scope
from kata_exporter.simulator.faults.answers import metrics_text
from kata_exporter.snapshot.families import LABELS
from page import Page
from rig import states
from siege import ROUNDS, Siege, siege

FORGED_LABELS = 11
FORGED_NAMES = 6


def identities(page: Page, sandbox_id: str) -> Iterator[tuple[str, str]]:
    """Name and labels, as they stand, of each series of a sandbox."""
    for series in page.of(sandbox_id):
        name, _, labels = series.partition("{")
        yield name, labels.removesuffix("}")


def assert_series_are_those_before(held: Siege) -> None:
    """Whatever else was sent, each page has the attacker's own series, under its own names."""
    for page in held.pages:
        assert page.of(held.attacker.id).keys() == held.before.of(held.attacker.id).keys()
    assert states(held.after.text)[held.attacker.id] == "ok"


async def test_g7_identity_labels_are_the_hosts_byte_for_byte_and_stand_first(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("forged-identity", tmp_path, clock) as held:
        assert_series_are_those_before(held)
        pod = held.attacker.pod
        own = f'sandbox_id="{held.attacker.id}",namespace="{pod.namespace}",pod="{pod.name}"'
        for _, labels in identities(held.after, held.attacker.id):
            assert labels == own or labels.startswith(f"{own},")
        assert "somebody-else" not in held.after.text
        assert held.rejected() == {"unknown_label": ROUNDS * FORGED_LABELS}


async def test_g7_every_label_key_is_one_of_its_metrics_record(
    tmp_path: Path, clock: FakeClock
) -> None:
    of_scope = {
        Scope.SANDBOX: ("sandbox_id", "namespace", "pod"),
        Scope.CONTAINER: ("sandbox_id", "namespace", "pod", "container", "container_id"),
    }
    keys_of = {
        m.name: (*of_scope[m.scope], *m.labels) for m in METRICS_OF_SANDBOXES if not m.open_labels
    }

    async with siege("forged-identity", tmp_path, clock) as held:
        for name, labels in identities(held.after, held.attacker.id):
            if name == LABELS.name:
                continue  # those of the pod that the configuration allows: not the guest's either
            assert tuple(re.findall(r'(\w+)="[^"]*"', labels)) == keys_of[name], name


async def test_g7_values_that_would_end_a_label_and_begin_others_do_not(
    tmp_path: Path, clock: FakeClock
) -> None:
    device = r"eth9\",sandbox_id=\"demo-2\",device=\"eth0"

    def breaking_out(text: str) -> str:
        return f'{text}kata_guest_netdev_stat{{interface="{device}",item="recv_bytes"}} 666999666\n'

    async with siege(metrics_text(breaking_out), tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == "ok"
        for series, value in held.after.series.items():
            if value == "666999666":
                assert series.startswith(
                    f'kata_guest_network_receive_bytes_total{{sandbox_id="{held.attacker.id}",'
                )
                assert series.endswith(f'device="{device}"}}')


async def test_g8_no_family_comes_of_a_guest_and_others_names_are_counted_by_reason_alone(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("forged-names", tmp_path, clock) as held:
        assert_series_are_those_before(held)
        assert held.after.families == held.before.families
        assert "666999666" not in held.after.text
        assert held.rejected() == {"unknown_family": ROUNDS * FORGED_NAMES}
        counted = [s for s in held.after.series if s.startswith("kata_exporter_rejected_total")]
        assert set(counted) == {
            s for s in held.before.series if s.startswith("kata_exporter_rejected_total")
        }


async def test_g9_type_and_help_are_the_exporters_own_on_every_page(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("type-collision", tmp_path, clock) as held:
        assert_series_are_those_before(held)
        for page in held.pages:
            assert page.comments == held.before.comments
            named = [line.split()[1:3] for line in page.comments]
            assert len(named) == len({tuple(words) for words in named})
        # HELP and TYPE are comments, whatever they say: nothing is lost with them.
        assert held.rejected() == {}
