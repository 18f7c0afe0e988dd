"""What a process is to be, as an OCI process says it."""

from dataclasses import dataclass

from kata_exporter._pb import oci_pb2


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A command line and what it runs in; `env` has NAME=VALUE each."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    terminal: bool = False

    @classmethod
    def from_oci(cls, process: oci_pb2.Process) -> "ProcessSpec":
        """Read one off the wire.

        Raises:
            ValueError: there is no program to run.
        """
        if not process.Args:
            raise ValueError("a process needs a program to run")
        return cls(
            args=tuple(process.Args),
            env=tuple(process.Env),
            cwd=process.Cwd or "/",
            uid=process.User.UID,
            gid=process.User.GID,
            groups=tuple(process.User.AdditionalGids),
            terminal=process.Terminal,
        )
