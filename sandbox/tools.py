"""The real programs of the range: found on PATH, else unpacked from Debian's packages into .tools/, with no root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import Unreachable

# Where Debian keeps servers, which an ordinary user's PATH leaves out.
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")


@dataclass(frozen=True)
class Program:
    """One program the range needs, and what it is called where."""

    name: str
    names: tuple[str, ...]
    version: str
    debian: tuple[str, ...]
    install_debian: str
    install_macos: str
    # Debian's redis-server is a link in a package whose scripts we cannot run; its target is elsewhere.
    link: str | None = None
    # What it needs beside it and does not link to: data, fonts.
    beside: tuple[str, ...] = ()
    # The exit code that shows that it starts.
    exits: int = 0
    # What the runbooks themselves call: where it had to be unpacked, they find it beside their Python.
    called: tuple[str, ...] = ()
    # Where it lies in its package when what lies in usr/bin is a script that only works in /.
    inside: str | None = None


PROGRAMS = (
    Program("nginx", ("nginx",), "-v", ("nginx", "nginx-core"), "nginx", "nginx"),
    Program("haproxy", ("haproxy",), "-v", ("haproxy",), "haproxy", "haproxy"),
    Program(
        "redis-server", ("redis-server",), "--version", ("redis-tools",), "redis-server", "redis", "redis-check-rdb"
    ),
    Program("prometheus", ("prometheus",), "--version", ("prometheus",), "prometheus", "prometheus"),
    Program(
        "node_exporter",
        ("prometheus-node-exporter", "node_exporter"),
        "--version",
        ("prometheus-node-exporter",),
        "prometheus-node-exporter",
        "node_exporter",
    ),
    Program(
        "ssh-keygen",
        ("ssh-keygen",),
        "-?",
        ("openssh-client",),
        "openssh-client",
        "openssh",
        exits=1,
        called=("ssh-keygen", "ssh-add", "ssh-agent"),
    ),
)

# A name server for tests of traffic by DNS: the range itself has none, so that it is fetched when a test asks for it.
BIND = Program("named", ("named",), "-v", ("bind9",), "bind9", "bind", beside=("bind9-libs",))


@dataclass(frozen=True)
class Tool:
    """A program that runs here: `libraries` is what LD_LIBRARY_PATH must name, if anything."""

    name: str
    binary: Path
    libraries: tuple[Path, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What to add to the environment of the process."""
        return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, self.libraries))} if self.libraries else {}


def tools_folder(root: Path) -> Path:
    """Where packages are unpacked; git ignores it."""
    return root / ".tools"


def prepare(root: Path, say: Callable[[str], None] = lambda _: None) -> dict[str, Tool]:
    """Every program of the range by name, fetched where missing; Unreachable names what cannot be had."""
    tools = obtain(PROGRAMS, root, say)
    for program in PROGRAMS:
        if (binary := tools[program.name].binary).is_relative_to(tools_folder(root)):
            _put_beside(Path(sys.executable), [binary.with_name(name) for name in program.called])
    return tools


def _put_beside(python: Path, programs: Sequence[Path]) -> None:
    for program in programs:
        link = python.with_name(program.name)
        if not link.is_symlink() or link.readlink() != program:
            link.unlink(missing_ok=True)
            with contextlib.suppress(FileExistsError):  # somebody else prepares, too
                link.symlink_to(program)


def obtain(programs: Sequence[Program], root: Path, say: Callable[[str], None] = lambda _: None) -> dict[str, Tool]:
    """Those programs by name, fetched where missing; Unreachable names what cannot be had."""
    found = {program.name: find(program, root) for program in programs}
    missing = [program for program in programs if not found[program.name]]
    if missing and shutil.which("apt-get") and shutil.which("dpkg"):
        say(f"fetching {', '.join(program.name for program in missing)} from Debian's packages into .tools/")
        fetch(missing, root, say)
        found |= {program.name: find(program, root) for program in missing}
    if absent := [program for program in programs if not found[program.name]]:
        raise Unreachable(how_to_install(absent))
    return {name: tool for name, tool in found.items() if tool}


def how_to_install(missing: Sequence[Program]) -> str:
    """One line that names what is missing and how to get it."""
    debian = " ".join(program.install_debian for program in missing)
    macos = " ".join(program.install_macos for program in missing)
    return (
        f"This machine lacks {', '.join(program.name for program in missing)}. "
        f"On Debian: sudo apt install {debian}. On macOS: brew install {macos}."
    )


def find(program: Program, root: Path) -> Tool | None:
    """The program on PATH or unpacked in .tools/, if it starts there."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *MORE_FOLDERS])
    for name in program.names:
        if (binary := shutil.which(name, path=path)) and _starts(tool := Tool(program.name, Path(binary)), program):
            return tool
    unpacked = _unpacked(program, tools_folder(root) / program.name)
    return unpacked if unpacked and _starts(unpacked, program) else None


def _unpacked(program: Program, folder: Path) -> Tool | None:
    """The program inside a folder of unpacked packages."""
    usual = [f"{part}/{name}" for part in ("usr/sbin", "usr/bin") for name in program.names]
    for binary in (folder / place for place in ([program.inside] if program.inside else usual)):
        if binary.exists():
            libraries = {path.parent for path in folder.rglob("lib*.so*")}
            return Tool(program.name, binary, tuple(sorted(libraries)))
    return None


def _starts(tool: Tool, program: Program) -> bool:
    """Whether the program says its version: a library may be missing, or it may be another machine's."""
    try:
        done = subprocess.run(
            [tool.binary, program.version], env=os.environ | tool.environment, capture_output=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == program.exits


def fetch(programs: Sequence[Program], root: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Unpack the packages of those programs, each whole or not at all; another run doing the same is awaited."""
    folder = tools_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(".unpacking-*"):
            shutil.rmtree(leftover)
        wanted = [program for program in programs if not find(program, root)]
        for program in wanted:
            with _unpacking(folder) as temporary:
                _unpack(program, temporary, folder / ".apt", say)
                target = folder / program.name
                shutil.rmtree(target, ignore_errors=True)
                temporary.joinpath("root").replace(target)
        shutil.rmtree(folder / ".apt" / "cache", ignore_errors=True)


@contextlib.contextmanager
def _unpacking(folder: Path) -> Iterator[Path]:
    temporary = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack(program: Program, temporary: Path, apt_folder: Path, say: Callable[[str], None]) -> None:
    """Download the first package that has the program, with the libraries it wants, and unpack them."""
    target = temporary / "root"
    target.mkdir()
    for package in program.debian:
        _download(program, [package, *program.beside], temporary, apt_folder, say)
        _extract(temporary, target)
        if program.link and (real := next(target.glob(f"usr/bin/{program.link}"), None)):
            real.with_name(program.names[0]).symlink_to(program.link)
        if tool := _unpacked(program, target):
            break
    else:
        raise Unreachable(f"Debian's {program.debian[0]} holds no {program.name}. {how_to_install([program])}")
    if not missing_libraries(tool):
        return
    if libraries := _library_packages(package, apt_folder):
        _download(program, libraries, temporary, apt_folder, say)
        _extract(temporary, target)
    if missing := missing_libraries(_unpacked(program, target) or tool):
        raise Unreachable(f"{program.name} misses {', '.join(missing)}. {how_to_install([program])}")


def _extract(packages: Path, target: Path) -> None:
    for package in packages.glob("*.deb"):
        done = subprocess.run(["dpkg", "-x", package, target], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unreachable(f"{package.name} cannot be unpacked ({done.stderr.strip()}): run the same again.")
        package.unlink()


def missing_libraries(tool: Tool) -> list[str]:
    """The shared libraries that the linker does not find for it."""
    done = subprocess.run(
        ["ldd", tool.binary], env=os.environ | tool.environment, capture_output=True, text=True, check=False
    )
    return [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]


def _apt_options(apt_folder: Path) -> list[str]:
    """Options that keep apt's caches in a folder of ours, and its lists, too, once we have some."""
    (apt_folder / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    options = [
        f"Dir::Cache={apt_folder}/cache",
        # A container's apt often has no cache of what it read: each call then takes a second instead of 0.2 s.
        "Dir::Cache::pkgcache=pkgcache.bin",
        "Dir::Cache::srcpkgcache=srcpkgcache.bin",
        # As root apt would switch to a user who cannot write into our folder.
        "APT::Sandbox::User=root",
    ]
    if (apt_folder / "state").exists():
        options += [f"Dir::State={apt_folder}/state", "Dir::State::status=/var/lib/dpkg/status"]
    return [word for option in options for word in ("-o", option)]


def _apt(command: str, arguments: Sequence[str], apt_folder: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    options = ["-q", *_apt_options(apt_folder)]
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        [command, *options, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def _download(
    program: Program, packages: Sequence[str], folder: Path, apt_folder: Path, say: Callable[[str], None]
) -> None:
    """`apt-get download` into the folder; where the machine's lists are missing or stale, with lists of our own."""
    done = _apt("apt-get", ["download", *packages], apt_folder, folder)
    if done.returncode and not (apt_folder / "state").exists():
        say("the machine's package lists are missing or stale: fetching lists of our own")
        _update_lists(program, apt_folder, folder)
        done = _apt("apt-get", ["download", *packages], apt_folder, folder)
    if done.returncode:
        shutil.rmtree(apt_folder, ignore_errors=True)  # the next try begins with fresh lists
        reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), "apt-get failed")
        raise Unreachable(f"{' '.join(packages)} cannot be downloaded ({reason}). {how_to_install([program])}")


def _update_lists(program: Program, apt_folder: Path, folder: Path) -> None:
    (apt_folder / "state/lists/partial").mkdir(parents=True)
    done = _apt("apt-get", ["update"], apt_folder, folder)
    if done.returncode:
        shutil.rmtree(apt_folder, ignore_errors=True)
        reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), "apt-get update failed")
        raise Unreachable(f"Debian's package lists cannot be fetched ({reason}). {how_to_install([program])}")


def _library_packages(package: str, apt_folder: Path) -> list[str]:
    """The library packages that a package depends on, directly or not, and that this machine does not have."""
    wanted: list[str] = []
    waiting = [package]
    while waiting:
        only = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
        done = _apt("apt-cache", ["depends", *only, *waiting], apt_folder, apt_folder.parent)
        names = {line.split(":", 1)[1].strip() for line in done.stdout.splitlines() if "Depends:" in line}
        waiting = sorted(name for name in names - set(wanted) if name.startswith("lib") and not _installed(name))
        wanted += waiting
    return wanted


def _installed(package: str) -> bool:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True, check=False
    )
    return done.stdout == "installed"
