"""Debian's Chromium, found on PATH or unpacked into .tools/ with no root; run as a script, it is only fetched."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape

from playwright.sync_api import Browser, sync_playwright

from runbook_lib.errors import RunbookError, Unreachable
from sandbox.plan import project_root
from sandbox.tools import Program, Tool, obtain, tools_folder

CHROMIUM = Program(
    "chromium",
    ("chromium", "google-chrome"),
    "--version",
    ("chromium",),
    "chromium",
    "--cask chromium",
    # libatomic1 is for the Node.js of Playwright's driver: a small Debian has none
    beside=("chromium-common", "fonts-liberation", "fonts-dejavu-core", "libatomic1"),
    inside="usr/lib/chromium/chromium",
)
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>serif</family><prefer><family>Liberation Serif</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Helvetica</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Arial</family><prefer><family>Liberation Sans</family></prefer></alias>
</fontconfig>
"""


def tool() -> Tool:
    """The browser; Unreachable says in one line how to install it where it cannot be had."""
    return obtain([CHROMIUM], project_root(), print)["chromium"]


def environment(chromium: Tool) -> dict[str, str]:
    """What the browser's process needs: an unpacked one finds its libraries and fonts through this alone."""
    folder = tools_folder(project_root()) / CHROMIUM.name
    if not chromium.binary.is_relative_to(folder):
        return {}
    file = folder / "fonts.conf"
    if not file.exists():
        text = FONTS.format(fonts=escape(str(folder / "usr/share/fonts")), cache=escape(str(folder / "fonts-cache")))
        temporary = file.with_name(f"fonts.conf.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    return {**chromium.environment, "FONTCONFIG_FILE": str(file)}


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium, inside its own sandbox where this machine lets it have one."""
    chromium = tool()
    given = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    with _driver_library(chromium):
        driver = sync_playwright().start()
    try:
        opened = driver.chromium.launch(
            executable_path=chromium.binary,
            env={**given, **environment(chromium)},
            chromium_sandbox=_can_be_sandboxed(),
        )
        yield opened
        opened.close()
    finally:
        driver.stop()


@contextmanager
def _driver_library(chromium: Tool) -> Iterator[None]:
    """Lend the driver the unpacked libatomic while it starts, where the machine has none."""
    before = os.environ.get("LD_LIBRARY_PATH")
    if not sys.platform.startswith("linux") or _can_be_loaded("libatomic.so.1"):
        yield
        return
    if not chromium.libraries:
        raise Unreachable("Playwright's driver misses libatomic.so.1. On Debian: sudo apt install libatomic1.")
    os.environ.update(chromium.environment)
    try:
        yield
    finally:
        del os.environ["LD_LIBRARY_PATH"]
        if before is not None:
            os.environ["LD_LIBRARY_PATH"] = before


def _can_be_loaded(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _can_be_sandboxed() -> bool:
    """Chromium refuses to start in its sandbox for root, and where nobody may make a user namespace."""
    if os.geteuid() == 0:
        return False
    if not sys.platform.startswith("linux"):
        return True
    done = subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    try:
        print(f"chromium: {tool().binary}")
    except RunbookError as error:
        sys.exit(str(error))
