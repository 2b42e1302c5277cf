"""Images of the range: names that stand for a command line instead of layers."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

# Always there, with no entrypoint of its own: a container of it needs a command.
BARE_IMAGE = "localhost/py:1"
PYTHONS = ("python", "python3")


class ImageMissing(Exception):
    """There is no such image; the message is the kubelet's."""


class ImageUnnamed(Exception):
    """What the manifest gives is no image name at all; the message is the kubelet's."""


# https://github.com/distribution/reference: a host with a port, a path in lower case, a tag, a digest
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:[A-Za-z0-9.\-]+(?::[0-9]+)?/)?{_PART}(?:/{_PART})*(?::[\w][\w.\-]{{0,127}})?(?:@[A-Za-z0-9+.\-_]+:[0-9a-fA-F]{{32,}})?"
)


def entrypoint(images: Path, image: str) -> list[str]:
    """The command line of an image; ImageMissing when `images` does not list it, ImageUnnamed when it is no name."""
    if image == BARE_IMAGE:
        return []
    if not _NAME.fullmatch(image):
        parsed = f'couldn\'t parse image name "{image}": invalid reference format'
        raise ImageUnnamed(f'Failed to apply default image tag "{image}": {parsed}')
    try:
        known = json.loads(images.read_text())
    except FileNotFoundError:
        known = {}
    if image not in known:
        raise ImageMissing(_message(image))
    return [str(word) for word in known[image]]


def known(images: Path) -> list[str]:
    """The names of all images that are there."""
    try:
        return [BARE_IMAGE, *json.loads(images.read_text())]
    except FileNotFoundError:
        return [BARE_IMAGE]


def command_line(given: list[str], command: list[str], arguments: list[str]) -> list[str]:
    """`command` replaces an image's own command line, `args` are added; Python is the one that runs this range."""
    words = [*(command or given), *arguments]
    if words and words[0] in PYTHONS:
        words[0] = sys.executable
    return words


def _message(image: str) -> str:
    name, _, tag = image.rpartition(":")
    host, _, path = name.partition("/")
    return (
        f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: '
        f'Head "http://{host}/v2/{path}/manifests/{tag}": the practice range has no such image'
    )
