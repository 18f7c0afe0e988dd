"""Files that belong to somebody else."""

import os
from pathlib import Path

import pytest

STRANGER = 64_321


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have `path` belong to a user that is neither root nor the exporter's; return its number.

    Only root can give files away; for anybody else, the exporter seems to run as another user.
    """
    if os.geteuid() == 0:
        os.chown(path, STRANGER, -1)
        return STRANGER
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    return owner
