"""The programs of tests/interop as binaries, built once: ``python tests/support/peer_binary.py``.

They are kept in the user's cache under the hash of what they are made from, so a second run builds
nothing and needs no network.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

_ROOT = Path(__file__).parents[2]
_SOURCES = _ROOT / "tests" / "interop"
_CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kata-exporter" / "peers"
)
_PROTOS = ("agent", "csi", "health", "oci", "types")
_PACKAGE = "kata_exporter/_pb"
"""Where the .proto files import each other from."""


class Language(StrEnum):
    """What a peer is written in."""

    GO = "go"
    RUST = "rust"


PARSER: Final = "parser"
"""Prometheus' own parser of pages, which is written in Go."""

COLLECTOR: Final = "collector"
"""A real OpenTelemetry Collector, of the few parts that tests need."""

Program = Language | Literal["parser", "collector"]


class NotBuiltError(Exception):
    """A program isn't there; the text says why."""


def find(program: Program) -> Path:
    """Return the path of a program's binary.

    Raises:
        NotBuiltError: it wasn't built.
    """
    path = _place(program)
    if not path.exists():
        _check_toolchain(program)
        raise NotBuiltError(f"the {program} peer isn't built: 'make test' builds it, or says why")
    return path


def build(program: Program) -> None:
    """Build a program, unless it is there.

    Raises:
        NotBuiltError: the machine lacks the toolchain, or can't fetch what it builds from.
        CalledProcessError: it doesn't build.
    """
    path = _place(program)
    if path.exists():
        return
    _check_toolchain(program)
    sys.stdout.write(f"building the {program} peer that tests run; once, a minute or two ...\n")
    sys.stdout.flush()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = _BUILDERS[program](Path(folder))
        made.replace(path)


def _place(program: Program) -> Path:
    # What is made of its own sources alone isn't made again for a change elsewhere.
    alone = program == COLLECTOR
    digest = hashlib.sha256(b"" if alone else Path(__file__).read_bytes())
    for source in (*_files(_SOURCES / program), *(() if alone else _files(_ROOT / "protos"))):
        digest.update(f"{source.relative_to(_ROOT)} {source.stat().st_size}\n".encode())
        digest.update(source.read_bytes())
    return _CACHE / f"{program}-{os.uname().machine}-{digest.hexdigest()[:16]}"


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if "target" not in path.relative_to(folder).parts]


def _check_toolchain(program: Program) -> None:
    if program is not Language.RUST:
        module = (_SOURCES / program / "go.mod").read_text()
        needed = re.search(r"^go (\S+)", module, re.MULTILINE)
        assert needed, "go.mod has a go line"
        _check_version("go", ["go", "version"], r"go version go(\S+)", needed[1])
    else:
        manifest = tomllib.loads((_SOURCES / "rust/Cargo.toml").read_text())
        for tool in ("cargo", "rustc"):
            needed_version = manifest["package"]["rust-version"]
            _check_version(tool, [tool, "--version"], rf"{tool} (\S+)", needed_version)


def _check_version(tool: str, command: list[str], pattern: str, needed: str) -> None:
    if shutil.which(tool) is None:
        raise NotBuiltError(f"{tool} is not on PATH, {needed} or later")
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(pattern, printed)
    if found is None or _release(found[1]) < _release(needed):
        raise NotBuiltError(f"{tool} is older than {needed}: {printed.strip()}")


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _build_go(folder: Path) -> Path:
    # In a copy, since what protoc generates has to lie in the module.
    module = shutil.copytree(_SOURCES / "go", folder / "module")
    _fetch("go", "mod", "download", cwd=module)
    tools = folder / "tools"
    generator = "google.golang.org/protobuf/cmd/protoc-gen-go"
    _run("go", "build", "-o", tools / "protoc-gen-go", generator, cwd=module)
    files = [f"{_PACKAGE}/{name}.proto" for name in _PROTOS]
    options = ["module=ttrpcpeer", *(f"M{file}=ttrpcpeer/pb" for file in files)]
    _run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{_PACKAGE}=protos", f"--go_out={module}"),
        *(f"--go_opt={option}" for option in options),
        *files,
        cwd=_ROOT,
        path=tools,
    )
    made = folder / "peer"
    _run("go", "build", "-trimpath", "-o", made, ".", cwd=module)
    return made


def _build_parser(folder: Path) -> Path:
    return _build_plain(PARSER, folder)


def _build_collector(folder: Path) -> Path:
    return _build_plain(COLLECTOR, folder)


def _build_plain(program: Program, folder: Path) -> Path:
    """Build a Go program that takes nothing from elsewhere."""
    module = shutil.copytree(_SOURCES / program, folder / "module")
    _fetch("go", "mod", "download", cwd=module)
    made = folder / program
    _run("go", "build", "-trimpath", "-o", made, ".", cwd=module)
    return made


def _build_rust(folder: Path) -> Path:
    source = _SOURCES / "rust"
    _fetch("cargo", "fetch", "--locked", cwd=source)
    _run(
        *("cargo", "install", "--quiet", "--locked", "--offline", "--no-track"),
        *("--path", source, "--root", folder),
        # Kept, so that what the peer depends on is compiled once.
        *("--target-dir", _CACHE / "rust-target"),
        cwd=source,
    )
    return folder / "bin" / "ttrpc-peer"


def _fetch(*command: str, cwd: Path) -> None:
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if run.returncode:
        raise NotBuiltError(f"'{' '.join(command)}' failed: {run.stderr.strip()}")


def _run(*command: str | Path, cwd: Path, path: Path | None = None) -> None:
    environment = dict(os.environ)
    if path is not None:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    subprocess.run(command, cwd=cwd, env=environment, check=True)


_BUILDERS: dict[Program, Callable[[Path], Path]] = {
    Language.GO: _build_go,
    Language.RUST: _build_rust,
    PARSER: _build_parser,
    COLLECTOR: _build_collector,
}


def main() -> int:
    """Build every program that this machine can build."""
    for program in _BUILDERS:
        try:
            build(program)
        except NotBuiltError as reason:
            sys.stderr.write(f"{reason}\nSkipped without it: tests that run the {program} peer.\n")
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"the {program} peer doesn't build: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
