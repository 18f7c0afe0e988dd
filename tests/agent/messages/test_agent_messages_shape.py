"""Every field of a dataclass has its field of the message, and no field of a message is forgotten."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message

from filled_value import filled
from kata_exporter._pb import agent_pb2, csi_pb2, oci_pb2, types_pb2
from kata_exporter.agent.messages import container, guest, network
from kata_exporter.agent.messages import oci as oci_messages
from kata_exporter.agent.messages.shape import Shape, WrongShape
from kata_exporter.agent.types import (
    FSGroup,
    FSGroupChangePolicy,
    Interface,
    IPAddress,
    Storage,
    oci,
)
from kata_exporter.errors import ArgumentError


def with_nested(*shapes: Shape[Any, Any]) -> Iterator[Shape[Any, Any]]:
    """Each shape, and those of its fields."""
    for shape in shapes:
        yield shape
        yield from with_nested(*shape.nested)


ROOTS = (
    oci_messages.SPEC,
    *(network.INTERFACE, network.ROUTE, network.ARP_NEIGHBOR),
    *(container.STORAGE, container.DEVICE),
    *(guest.VOLUME_USAGE, guest.MEMCG_CONFIG, guest.COMPACT_CONFIG),
)
SHAPES = list({id(shape): shape for shape in with_nested(*ROOTS)}.values())
EACH = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.value_type.__name__)
NOT_SENT = {"Solaris", "Windows"}


@EACH
def test_each_field_of_a_message_is_a_field_of_its_dataclass(shape: Shape[Any, Any]) -> None:
    described = {field.name for field in shape.message_type.DESCRIPTOR.fields}

    assert {field.name for field in shape.fields.values()} == described - NOT_SENT
    assert len(shape.fields) == len(dataclasses.fields(shape.value_type))


@EACH
def test_each_field_reaches_its_own_place_in_the_message(shape: Shape[Any, Any]) -> None:
    """All fields hold something else: what was swapped or left out would be seen."""
    value = filled(shape.value_type)
    message = shape.encode(value, "value")

    for name, described in shape.fields.items():
        assert _same(getattr(value, name), getattr(message, described.name)), name


@pytest.mark.parametrize(
    "shape",
    [network.INTERFACE, network.ROUTE, network.ARP_NEIGHBOR, guest.VOLUME_USAGE],
    ids=lambda shape: shape.value_type.__name__,
)
def test_what_agents_answer_is_read_as_it_was_sent(shape: Shape[Any, Any]) -> None:
    value = filled(shape.value_type)

    assert shape.decode(shape.encode(value, "value")) == value


@EACH
def test_each_field_that_is_a_message_has_its_shape(shape: Shape[Any, Any]) -> None:
    messages = {
        described.message_type.full_name
        for described in shape.fields.values()
        if described.message_type is not None and not described.message_type.GetOptions().map_entry
    }

    assert {nested.message_type.DESCRIPTOR.full_name for nested in shape.nested} == messages


def test_every_dataclass_of_the_specification_has_a_shape() -> None:
    described = {member for member in vars(oci).values() if dataclasses.is_dataclass(member)}

    assert described <= {shape.value_type for shape in SHAPES}


def _same(value: Any, sent: Any) -> bool:
    if isinstance(sent, Message):
        return dataclasses.is_dataclass(value) and sent != type(sent)()
    if isinstance(value, tuple):
        return len(value) == len(sent) > 0 and all(map(_same, value, sent))
    if hasattr(value, "items"):
        return dict(value) == dict(sent) != {}
    if isinstance(value, str) and isinstance(sent, int):
        return True  # an enum, which has a test of its own
    return bool(value == sent)


def test_enums_are_found_by_name() -> None:
    group = FSGroup(1, FSGroupChangePolicy.ON_ROOT_MISMATCH)

    message = container.STORAGE.encode(Storage(fs_group=group), "storage")

    assert message.fs_group.group_change_policy == types_pb2.OnRootMismatch
    assert container.STORAGE.decode(message).fs_group == group


def test_none_is_left_out_and_zero_is_not_none() -> None:
    absent = oci_messages.SPEC.encode(oci.Spec(), "spec")
    syscall = oci.LinuxSyscall(("kill",), "SCMP_ACT_ERRNO", errno_ret=0)
    seccomp = oci.LinuxSeccomp("SCMP_ACT_ALLOW", syscalls=(syscall,))
    present = oci_messages.SPEC.encode(oci.Spec(linux=oci.Linux(seccomp=seccomp)), "spec")

    assert absent == oci_pb2.Spec()
    assert present.Linux.Seccomp.Syscalls[0].WhichOneof("ErrnoRet") == "errnoret"


def test_absent_message_is_none_and_a_present_empty_one_is_not() -> None:
    present = agent_pb2.Storage(fs_group=agent_pb2.FSGroup())

    assert container.STORAGE.decode(agent_pb2.Storage()).fs_group is None
    assert container.STORAGE.decode(present).fs_group == FSGroup(0)


@pytest.mark.parametrize(
    ("value", "argument", "problem"),
    [
        (Interface(mtu_bytes=-1), "interface.mtu_bytes", "can't be sent"),
        (Interface(mtu_bytes=1 << 64), "interface.mtu_bytes", "can't be sent"),
        (Interface(name=7), "interface.name", "can't be sent"),  # type: ignore[arg-type]  # on purpose
        (Interface(name="\ud800"), "interface.name", "can't be sent"),
        (Interface(raw_flags="up"), "interface.raw_flags", "can't be sent"),  # type: ignore[arg-type]  # on purpose
        (Interface(ip_addresses="10.0.0.1"), "interface.ip_addresses", "it takes several"),  # type: ignore[arg-type]  # on purpose
        (Interface(ip_addresses=None), "interface.ip_addresses", "it takes several"),  # type: ignore[arg-type]  # on purpose
        (Interface(mtu_bytes=True), "interface.mtu_bytes", "True is no number"),
        (Interface(ip_addresses=("10.0.0.1",)), "interface.ip_addresses[0]", "can't be sent"),  # type: ignore[arg-type]  # on purpose
        (
            Interface(ip_addresses=(IPAddress("a"), IPAddress(3))),  # type: ignore[arg-type]  # on purpose
            "interface.ip_addresses[1].address",
            "can't be sent",
        ),
        (
            Interface(ip_addresses=(IPAddress("a", family=FSGroupChangePolicy.ALWAYS),)),  # type: ignore[arg-type]  # on purpose
            "interface.ip_addresses[0].family",
            "isn't known to the agent",
        ),
        ({"name": "eth0"}, "interface", "should be of type Interface"),
    ],
)
def test_what_cannot_be_sent_is_named(value: Any, argument: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        network.INTERFACE.encode(value, "interface")

    assert caught.value.argument == argument
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 300


def test_number_without_a_name_is_a_wrong_shape() -> None:
    with pytest.raises(WrongShape, match="is 3, which has no name"):
        network.ROUTE.decode(types_pb2.Route(family=3))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(WrongShape):
        guest.volume_stats(
            csi_pb2.VolumeStatsResponse(usage=[csi_pb2.VolumeUsage(unit=-1)])  # type: ignore[arg-type]  # on purpose
        )


def test_details_without_the_agents_part_are_empty() -> None:
    details = guest.guest_details(agent_pb2.GuestDetailsResponse())

    assert (details.agent_version, details.storage_handlers) == ("", ())
