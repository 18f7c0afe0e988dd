"""``kata-exporter`` for tests of ``doctor``: the same, but for what depends on this very machine.

No AF_VSOCK socket is opened: what that is to give is the name of an errno in DOCTOR_VSOCK; without
it, it goes well. And only the environment makes it a container, as it is in Kubernetes.
"""

import errno
import os
import sys

from kata_exporter.cli.doctor import surroundings, vsock
from kata_exporter.cli.main import main


def _stand_in() -> None:
    name = os.environ.get("DOCTOR_VSOCK")
    if name:
        number: int = getattr(errno, name)
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    vsock.open_and_close = _stand_in
    surroundings.MARKS = ()
    sys.exit(main(sys.argv[1:]))
