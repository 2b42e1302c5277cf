"""What a JVM in a container is told: its version, and the flags of image, variables and command in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.artefacts import Node
from runbook_lib.judge.quantity import quantity
from runbook_lib.judge.workload.built import base_image, started
from runbook_lib.judge.workload.check import patch_container
from runbook_lib.judge.workload.pod import variable
from runbook_lib.judge.workload.world import Container, Workload, World

VERSION = re.compile(r"(?<![\d.])(?:1\.(?=[5-9]\b))?(\d{1,4})(?:u(\d{1,6})|\.0[._](\d{1,6}))?")
JAVA = re.compile(r"(?i)(jdk|jre|java|temurin|corretto|zulu|liberica|semeru|tomcat|jetty)")
IN_TAG = re.compile(r"(?i)(?:jdk|jre|java|openjdk)-?(\d+(?:u\d+|\.0[._]\d+)?)")
SIZE = r"(\d+[kmgtKMGT]?)\b"
# The JVM reads these itself; JAVA_OPTS and CATALINA_OPTS are read by scripts alone.
OWN, SCRIPTS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"), ("JAVA_OPTS", "CATALINA_OPTS")


SHELL = re.compile(r"(/usr)?(/bin/)?(sh|bash|ash|dash)|-e?c")


@dataclass(frozen=True)
class Java:
    """What one container's JVM is told: its version, its flags in the order in which the last one wins."""

    major: int | None
    update: int | None
    text: str
    flags: str
    where: Node
    unread: tuple[str, ...]
    outside: str
    """The flags that JAVA_TOOL_OPTIONS does not hold: a patch there cannot take them away."""
    late: tuple[str, ...] = ()
    """What stands behind the jar and looks like a flag: the application gets it."""

    @property
    def blind(self) -> bool:
        """Whether it is told not to look at limits."""
        return re.findall(r"-XX:([+-])UseContainerSupport", self.flags)[-1:] == ["-"]

    @property
    def sees_limits(self) -> bool | None:
        """Whether it reads cgroup v2; None when the version is not known well enough."""
        if self.blind:
            return False
        first = {8: 372, 11: 16}
        if self.major in first:
            return None if self.update is None else self.update >= first[self.major]
        return None if self.major is None else self.major >= 15

    @property
    def knows_percentage(self) -> bool:
        """MaxRAMPercentage came with 10 and 8u191; before, the unknown flag ends the JVM."""
        old = self.major is not None and (self.major < 8 or self.major == 9)
        return not (old or (self.major == 8 and self.update is not None and self.update < 191))

    def size(self, flag: str) -> float | None:
        """The bytes of the last flag of that kind."""
        found = re.findall(flag + SIZE, self.flags)
        if not found:
            return None
        text = found[-1]
        return quantity(text[:-1] + text[-1].upper() + "i") if text[-1] in "mgtMGT" else _small(text)


def _small(text: str) -> float:
    return float(text[:-1]) * 1024 if text[-1] in "kK" else float(text)


def javas(world: World) -> Iterator[tuple[Workload, Container, Java]]:
    """Containers of the application that run Java: by the image's base, what was assessed, or the manifest itself."""
    image = base_image(world)
    name, _, tag = image.rpartition("/")[2].partition(":")
    known = "java" in world.assessed.runtime.lower() or bool(JAVA.search(f"{name}:{tag}"))
    major, update, text = (
        version(name, tag) or version("java", world.assessed.runtime) or (None, None, "of unknown version")
    )
    for workload, container in world.applications:
        if not known and not _starts_java(world, workload, container):
            continue
        told = _flags(world, workload, container, major)
        yield workload, container, Java(major, update, text, *told)


def _starts_java(world: World, workload: Workload, container: Container) -> bool:
    """Whether the manifest itself tells: a variable that only a JVM reads, or the command."""
    words = " ".join(started(world, container)).split()
    told = any(variable(world, workload, container, name)[0] for name in OWN)
    return told or any(word.rpartition("/")[2] == "java" for word in words[:6])


def version(name: str, tag: str) -> tuple[int, int | None, str] | None:
    """Major and update of a tag or of what a machine said: 8u181-jdk, 11.0.15_10-jre, 9.0-jdk17, java 1.8.0_181."""
    inside = IN_TAG.search(tag)
    if inside is None and re.search(r"(?i)tomcat|jetty|maven|gradle", name):
        return None
    found = VERSION.search(inside.group(1) if inside and not tag.lower().startswith("java ") else tag)
    if not JAVA.search(name) or found is None:
        return None
    update = found.group(2) or found.group(3)
    return int(found.group(1)), int(update) if update else None, found.group(0)


def _flags(
    world: World, workload: Workload, container: Container, major: int | None
) -> tuple[str, Node, tuple[str, ...], str, tuple[str, ...]]:
    """JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS, the command line, _JAVA_OPTIONS: what comes later wins."""
    words = started(world, container)
    parts: dict[str, str] = {}
    unread: list[str] = []
    where = container.node
    for name in (*OWN, *SCRIPTS):
        value, node = variable(world, workload, container, name)
        if not value:
            continue
        old = name == "JDK_JAVA_OPTIONS" and major is not None and major < 9
        if old or (name in SCRIPTS and not _passed_on(name, words)):
            unread.append(name)
        else:
            parts[name], where = value, node
    before = [parts.get(name, "") for name in ("JDK_JAVA_OPTIONS", *SCRIPTS)]
    line = " ".join(words).split()
    end = line.index("-jar") + 2 if "-jar" in line else len(line)
    outside = " ".join([*before, *line[:end], parts.get("_JAVA_OPTIONS", "")])
    late = tuple(word for word in line[end:] if re.match(r"-(X[mns:]|D[\w.]+=)", word))
    return f"{parts.get('JAVA_TOOL_OPTIONS', '')} {outside}", where, tuple(unread), outside, late


def _passed_on(name: str, words: tuple[str, ...]) -> bool:
    """Whether something fills the variable in: a shell, the kubelet for $(NAME), or a script that may do so."""
    line = " ".join(words)
    tokens = [token for token in line.split() if token != "exec" and not SHELL.fullmatch(token)]
    by_shell = len(words) == 1 or bool(words and SHELL.fullmatch(words[0]))
    if f"$({name})" in line or (by_shell and re.search(rf"\$\{{?{name}\b", line)):
        return True
    return not tokens or tokens[0].rpartition("/")[2] != "java"


def with_flag(
    world: World, workload: Workload, container: Container, flag: str, instead: str = r"\b\B"
) -> dict[str, object] | None:
    """A patch that adds a flag to JAVA_TOOL_OPTIONS in place of others; none when these come from a reference."""
    name = "JAVA_TOOL_OPTIONS"
    entry = container.variables().get(name)
    if entry is not None and entry.get("valueFrom").exists:
        return None
    value, _ = variable(world, workload, container, name)
    kept = re.sub(instead, "", value or "").split()
    return patch_container(workload, container, {"env": [{"name": name, "value": " ".join([*kept, flag])}]})
