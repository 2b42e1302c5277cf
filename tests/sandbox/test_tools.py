from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.errors import Unreachable
from sandbox import tools
from sandbox.tools import Program, fetch, find, obtain, prepare

ANVIL = Program("anvil", ("anvil",), "--version", ("anvil", "anvil-core"), "anvil-server", "brew-anvil")

# Stand-ins for Debian's programs: a package is a file with the name of what it holds.
APT_GET = """\
echo "apt-get $*" >> "$CALLS"
case "$*" in
  *update*) exit ${UPDATE_FAILS:-0} ;;
  *Dir::State=*) ;;
  *) if [ -n "$LISTS_ARE_STALE" ]; then echo "E: 404 Not Found" >&2; exit 100; fi ;;
esac
if [ -n "$NOTHING_TO_DOWNLOAD" ]; then echo "E: Unable to locate package" >&2; exit 100; fi
seen=
for word in "$@"; do
  if [ -n "$seen" ]; then echo "$word" > "$word.deb"; fi
  if [ "$word" = download ]; then seen=yes; fi
done
"""
DPKG = """\
echo "dpkg $*" >> "$CALLS"
package=$(cat "$2")
if [ "$package" = "$DAMAGED" ]; then mkdir -p "$3/usr/bin"; echo broken >&2; exit 2; fi
mkdir -p "$3/usr/bin" "$3/usr/lib/here"
if [ "$package" = "${HOLDS_ANVIL:-anvil}" ]; then
  printf '#!/bin/sh\\nexit 0\\n' > "$3/usr/bin/anvil"; chmod +x "$3/usr/bin/anvil"
else
  touch "$3/usr/lib/here/$package.so.1"
fi
"""
LDD = """\
if [ -n "$WANTS_LIBRARY" ] && [ ! -e "$(dirname "$1")/../lib/here/libhammer1.so.1" ]; then
  echo "libhammer.so.1 => not found"
fi
"""
APT_CACHE = """\
case "$*" in
  *libhammer1) echo "  Depends: libsteel2" ;;
  *) echo "  Depends: libhammer1"; echo "  Depends: fonts-anvil" ;;
esac
"""


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with apt and no anvil; the folder is first on its PATH."""
    binaries = tmp_path / "machine"
    binaries.mkdir()
    scripts = {"apt-get": APT_GET, "dpkg": DPKG, "ldd": LDD, "apt-cache": APT_CACHE, "dpkg-query": "exit 1\n"}
    for name, text in scripts.items():
        program(binaries / name, text)
    monkeypatch.setenv("PATH", f"{binaries}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(tools, "MORE_FOLDERS", ())
    monkeypatch.setattr(tools, "PROGRAMS", (ANVIL,))
    return binaries


def program(path: Path, text: str) -> None:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    return file.read_text().splitlines() if file.exists() else []


def test_a_program_on_path_is_used_as_it_is(debian: Path, tmp_path: Path) -> None:
    program(debian / "anvil", "exit 0\n")
    tool = prepare(tmp_path)["anvil"]
    assert (tool.binary, tool.environment) == (debian / "anvil", {})
    assert not calls(tmp_path)


def test_a_missing_program_is_unpacked_once(debian: Path, tmp_path: Path) -> None:
    first = prepare(tmp_path)["anvil"]
    assert first.binary == tmp_path / ".tools/anvil/usr/bin/anvil"
    before = calls(tmp_path)
    assert prepare(tmp_path)["anvil"] == first
    assert calls(tmp_path) == before


def test_what_the_runbooks_call_is_put_beside_their_python_when_it_was_unpacked(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "PROGRAMS", (replace(ANVIL, called=("anvil",)),))
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "python"))
    (tmp_path / "anvil").symlink_to(tmp_path / "gone")
    for _ in range(2):
        assert prepare(tmp_path)["anvil"].binary == (tmp_path / "anvil").readlink()
    (tmp_path / "anvil").unlink()
    program(debian / "anvil", "exit 0\n")
    prepare(tmp_path)
    assert not (tmp_path / "anvil").is_symlink()


def test_a_program_on_path_that_does_not_start_is_not_believed(debian: Path, tmp_path: Path) -> None:
    program(debian / "anvil", "exit 127\n")
    assert ".tools" in str(prepare(tmp_path)["anvil"].binary)


def test_a_program_may_be_in_the_next_package(debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDS_ANVIL", "anvil-core")
    assert prepare(tmp_path)["anvil"].binary.exists()


def test_libraries_that_the_machine_lacks_are_unpacked_with_it(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANTS_LIBRARY", "yes")
    tool = prepare(tmp_path)["anvil"]
    assert tool.environment == {"LD_LIBRARY_PATH": str(tmp_path / ".tools/anvil/usr/lib/here")}
    assert sorted(path.name for path in (tmp_path / ".tools/anvil/usr/lib/here").iterdir()) == [
        "libhammer1.so.1",
        "libsteel2.so.1",
    ]


def test_what_a_program_needs_beside_it_is_unpacked_with_it(debian: Path, tmp_path: Path) -> None:
    tool = obtain([replace(ANVIL, beside=("libtongs1",))], tmp_path)["anvil"]
    assert tool.libraries == (tmp_path / ".tools/anvil/usr/lib/here",)
    assert (tool.libraries[0] / "libtongs1.so.1").exists()


def test_a_program_may_lie_elsewhere_and_its_libraries_in_several_folders(tmp_path: Path) -> None:
    for name in ("bin/anvil", "lib/here/libiron.so.1", "usr/lib/here/libhammer.so.1", "usr/lib/here/pulse/libtongs.so"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        program(tmp_path / name, "exit 0\n")
    tool = tools._unpacked(replace(ANVIL, inside="bin/anvil"), tmp_path)
    assert tool is not None
    assert tool.environment["LD_LIBRARY_PATH"].split(":") == [
        str(tmp_path / folder) for folder in ("lib/here", "usr/lib/here", "usr/lib/here/pulse")
    ]


def test_libraries_that_cannot_be_downloaded_say_how_to_install_the_program(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANTS_LIBRARY", "yes")
    text = APT_GET.replace(
        'case "$*" in', 'case "$*" in *libhammer1*) echo "E: 404" >&2; exit 100 ;; esac\ncase "$*" in', 1
    )
    program(debian / "apt-get", text)
    with pytest.raises(Unreachable, match=r"libhammer1 .*\(E: 404\)\. .*sudo apt install anvil-server"):
        prepare(tmp_path)


def test_a_library_that_no_package_has_is_named(debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANTS_LIBRARY", "yes")
    program(debian / "apt-cache", "exit 0\n")
    with pytest.raises(Unreachable, match=r"anvil misses libhammer\.so\.1\. .*sudo apt install anvil-server"):
        prepare(tmp_path)
    assert not (tmp_path / ".tools/anvil").exists()


def test_stale_package_lists_are_replaced_by_lists_of_our_own(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTS_ARE_STALE", "yes")
    assert prepare(tmp_path)["anvil"].binary.exists()
    assert any(f"Dir::State={tmp_path}/.tools/.apt/state" in call and "update" in call for call in calls(tmp_path))


@pytest.mark.parametrize("broken", ["NOTHING_TO_DOWNLOAD", "LISTS_ARE_STALE"])
def test_what_cannot_be_downloaded_is_one_sentence_that_says_how_to_install(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setenv(broken, "yes")
    monkeypatch.setenv("UPDATE_FAILS", "100")
    with pytest.raises(Unreachable, match="On Debian: sudo apt install anvil-server") as caught:
        prepare(tmp_path)
    assert "brew install brew-anvil" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 69


def test_without_apt_every_missing_program_is_named_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "MORE_FOLDERS", ())
    with pytest.raises(Unreachable) as caught:
        prepare(tmp_path)
    message = str(caught.value)
    assert "sudo apt install nginx haproxy redis-server prometheus prometheus-node-exporter openssh-client." in message
    assert "brew install nginx haproxy redis prometheus node_exporter openssh." in message


def test_a_half_unpacked_program_is_never_believed(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAMAGED", "anvil")
    with pytest.raises(Unreachable, match="cannot be unpacked"):
        prepare(tmp_path)
    assert find(ANVIL, tmp_path) is None
    monkeypatch.setenv("DAMAGED", "")
    assert prepare(tmp_path)["anvil"].binary.exists()


def test_what_a_killed_run_left_is_cleared_away(debian: Path, tmp_path: Path) -> None:
    leftover = tmp_path / ".tools/.unpacking-1/root/usr/bin"
    leftover.mkdir(parents=True)
    fetch([ANVIL], tmp_path)
    assert sorted(path.name for path in (tmp_path / ".tools").iterdir()) == [".apt", ".lock", "anvil"]
