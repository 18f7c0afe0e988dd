"""An image for real pods, made by hand: busybox and nothing else, as an archive of Docker's form."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

IMAGE = "localhost/pause:1"
"""Of the pause container and of every other; the one command sleeps until it is killed."""

_COMMANDS = ("sh", "sleep", "tail", "true", "false")
_SLEEP = ["tail", "-f", "/dev/null"]


def save_image(busybox: Path, archive: Path) -> None:
    """Write the image to a file that ``ctr images import`` takes.

    Args:
        busybox: the program, linked statically.
        archive: where to.
    """
    layer = _tar({"bin/busybox": busybox.read_bytes()}, dict.fromkeys(_COMMANDS, "busybox"))
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": _SLEEP},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
            },
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    archive.write_bytes(
        _tar({"manifest.json": json.dumps(manifest).encode(), name: config, "layer.tar": layer}, {})
    )


def _tar(files: dict[str, bytes], links: dict[str, str]) -> bytes:
    """Pack files, and symlinks in ``bin``."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(content))
        for name, target in links.items():
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type = tarfile.SYMTYPE
            entry.linkname = target
            tar.addfile(entry)
    return packed.getvalue()
