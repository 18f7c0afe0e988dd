"""Which of its decoders the protobuf package runs on, and why that has to be the compiled one."""

from google.protobuf.internal import api_implementation

from kata_exporter.errors import ConfigError

COMPILED = "upb"

ADVICE = (
    "install protobuf's wheel for this platform",
    "unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION",
)
"""How to get it."""


def backend() -> str:
    """Return what the package calls the one that it runs on."""
    return api_implementation.Type()


def require_compiled() -> None:
    """Refuse any but the compiled one: the decoder in Python bounds no cost of hostile bytes.

    Raises:
        ConfigError: it is another.
    """
    if backend() != COMPILED:
        raise ConfigError(
            f"protobuf runs on its {backend()!r} backend, which is no match for hostile guests: "
            f"{', and '.join(ADVICE)}"
        )
