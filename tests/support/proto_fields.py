"""Which fields of a protobuf message are set."""

from google.protobuf.message import Message


def fields_of(message: Message, path: str = "") -> set[str]:
    """Return the paths of all fields that are set, at any depth; keys of maps are part of them."""
    found = set()
    for field, value in message.ListFields():
        here = f"{path}/{field.name}"
        found.add(here)
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            found |= {f"{here}[{key}]" for key in value}
        else:
            for item in value if hasattr(value, "append") else [value]:
                found |= fields_of(item, here)
    return found
