"""How packages are installed: without questions, the same ones tomorrow, nothing left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge.image_build.rule import PRACTICE, Looked, Rule, all_commands, every, failed, rewritten
from runbook_lib.judge.image_build.words import Command, commands

RPM = ("yum", "dnf", "microdnf", "zypper")
DEBIAN = ("apt-get", "apt", "aptitude")
ASKS = (*DEBIAN, *RPM)
INSTALLS = ("install", "add", "i", "reinstall", "groupinstall", "localinstall", "in")
UPGRADES = {
    **dict.fromkeys(DEBIAN, ("upgrade", "dist-upgrade", "full-upgrade")),
    **dict.fromkeys(RPM, ("update", "upgrade", "dist-upgrade", "dup", "distro-sync")),
    "apk": ("upgrade",),
}
TAKES_VALUE: tuple[str, ...] = ("-t", "-o", "-c", "-r", "-i", "-f", "-X", "--virtual", "--repository", "--registry")
TAKES_VALUE += ("--index-url", "--extra-index-url", "--target", "--requirement", "--constraint", "--target-release")
TAKES_VALUE += ("--prefix", "--find-links", "--timeout", "--retries", "--proxy", "--cache-dir", "--trusted-host")
TAKES_VALUE += (
    "--only-binary",
    "--no-binary",
    "--progress-bar",
    "--root-user-action",
    "--platform",
    "--python-version",
)
TAKES_VALUE += (
    "--omit",
    "--only",
    "--include",
    "--loglevel",
    "--network-timeout",
    "--fetch-timeout",
    "--fetch-retries",
)
TAKES_VALUE += ("--releasever", "--installroot", "--setopt", "--enablerepo", "--disablerepo", "--option")
USES = ("build-dep", "source", "download", "satisfy")
SCRIPT = re.compile(r"\.sh\b|install|setup|^(sh|bash)\b")  # what may install for itself
PIP_FILES = ("-r", "--requirement", "-c", "--constraint")
APT = (  # only where apt-get knows the verb too: it has no list, and main is no verb
    r"(?<![\w/.-])apt(?=(?:\s+-\S+)*\s+"
    r"(?:install|reinstall|update|upgrade|dist-upgrade|remove|purge|autoremove|clean|autoclean|build-dep|download)\b)"
)
LOCAL = re.compile(r"^(\.|/|\$|~|file:|.*\.(whl|tgz|tar\.gz|deb|rpm|apk|gem)$)")


def installed(command: Command) -> tuple[str, ...] | None:
    """The packages that a command installs; None when it installs nothing."""
    words = command.plain(*TAKES_VALUE)
    program, verb = _manager(command)
    if program == "yarn" and verb == "install":  # it takes what package.json names, and no other
        return ()
    if program and (verb in INSTALLS or (program == "apk" and verb == "add")):
        return words[words.index(verb) + 1 :]
    return None


def spellings(package: str) -> tuple[str, str]:
    """The name as it stands without =version, and without an RPM's -version too."""
    name = re.split(r"[=<>~:@]", package)[0]
    return name, re.sub(r"-\d.*$", "", name)


def _manager(command: Command) -> tuple[str, str]:
    """The package manager and its verb: ``python -m pip install`` is pip's."""
    words = command.plain(*TAKES_VALUE)
    name = command.program
    if re.fullmatch(r"python\d?(\.\d+)?", name) and words[:1] == ("pip",):
        return "pip", next(iter(words[1:]), "")
    if re.fullmatch(r"pip\d?(\.\d+)?", name):
        return "pip", next(iter(words), "")
    known = name in (*ASKS, "apk", "npm", "gem", "go", "yarn", "pnpm")
    return (name, next(iter(words), "")) if known else ("", "")


def fixed_versions(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """Libraries of pip, npm, gem and go are a warning; packages of the distribution a note, in the image that runs."""
    final = {id(instruction) for instruction in dockerfile.final}
    for instruction, command in all_commands(dockerfile):
        names, program = installed(command), _manager(command)[0]
        if program in (*ASKS, "apk") and id(instruction) not in final:
            continue
        if not names or (program == "pip" and command.has(*PIP_FILES)):
            continue
        loose = [name for name in names if not LOCAL.match(name) and not _is_fixed(program, name, command)]
        if loose:
            message = f"{program} takes {', '.join(loose[:4])} in whatever version there is on that day"
            yield failed(instruction.line, message, "", "info" if program in (*ASKS, "apk") else "warning")


def _is_fixed(program: str, name: str, command: Command) -> bool:
    if program in ("npm", "yarn", "pnpm", "go"):
        version = name.lstrip("@").partition("@")[2]
        return version not in ("", "latest", "next")
    if program == "gem":
        return ":" in name or command.has("-v", "--version")
    if program in ("yum", "dnf", "microdnf"):
        return re.search(r"-\d", name) is not None
    return re.search(r"[=<>~@]", name) is not None and not name.endswith("=")


def asks_nothing(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    answered = any("DEBIAN_FRONTEND" in i.value for i in every(dockerfile, "ENV", "ARG"))
    for instruction, command in all_commands(dockerfile):
        program, verb = _manager(command)
        quiet = command.has("-y", "--yes", "--assumeyes", "--assume-yes", "-qq", "--non-interactive", "-n")
        if program in ASKS and (verb in INSTALLS or verb in UPGRADES[program]) and not quiet and command.after != "|":
            hint = "" if answered else "; nobody is there to answer"
            message = f"{program} {verb} without -y asks back{hint}"
            mend = rewritten(instruction, rf"\b{program} {verb}\b(?! -y)", f"{program} {verb} -y")
            yield failed(instruction.line, message, mend)


def same_tomorrow(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction, command in all_commands(dockerfile):
        program, verb = _manager(command)
        if verb in UPGRADES.get(program, ()) and not (program in RPM and len(command.plain(*TAKES_VALUE)) > 1):
            yield failed(
                instruction.line, f"{program} {verb} changes what the base image fixed: take a newer base instead"
            )


def lists_with_install(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """A list of packages that is fetched in a layer of its own is taken from the cache for ever."""
    for instruction in every(dockerfile, "RUN"):
        found = [c for c in commands(instruction) if _manager(c)[0] in (*DEBIAN, "apk")]
        updates = [c for c in found if _manager(c)[1] == "update"]
        used = any(installed(c) is not None or _manager(c)[1] in (*UPGRADES[c.program], *USES) for c in found)
        if updates and not used and not any(SCRIPT.search(c.text) for c in commands(instruction)):
            message = (
                f"{updates[0].program} update stands alone: its layer is cached, and installs below it find nothing"
            )
            yield failed(instruction.line, message)


def nothing_left(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """Only in the image that runs, and only when no cache is mounted; what a later layer removes stays below it."""
    cached = any(re.search(r"PIP_NO_CACHE_DIR", i.value) for i in every(dockerfile, "ENV", "ARG"))
    for stage in dockerfile.lineage:
        for instruction in stage.instructions:
            if instruction.name != "RUN" or "type=cache" in instruction.flags.get("mount", ""):
                continue
            text = f"{instruction.value}\n{instruction.body}"
            for command in commands(instruction):
                what = _leaves(command, text, cached)
                if what:
                    yield failed(instruction.line, what)


def _leaves(command: Command, text: str, cached: bool) -> str:
    if installed(command) is None:
        return ""
    program = _manager(command)[0]
    if program in DEBIAN and "/var/lib/apt/lists" not in text:
        return "the package lists stay in the image: rm -rf /var/lib/apt/lists/* in the same RUN"
    if program in RPM and not re.search(rf"{program}\s+(-\S+\s+)*clean|/var/cache/({program}|yum|dnf)", text):
        return f"the packages stay in the image: {program} clean all in the same RUN"
    if program == "apk" and not command.has("--no-cache", "--no-network") and "/var/cache/apk" not in text:
        return "apk keeps its index in the image: apk add --no-cache"
    if program == "pip" and not cached and not command.has("--no-cache-dir") and "cache purge" not in text:
        return "pip keeps what it fetched in the image: pip install --no-cache-dir"
    return ""


def no_apt(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction, command in all_commands(dockerfile):
        if command.program == "apt":
            mend = rewritten(instruction, APT, "apt-get")
            yield failed(instruction.line, "apt is for people: its options change, apt-get's do not", mend)


RULES = (
    Rule(
        "packages-fixed",
        "Packages are installed in a version that is named",
        "warning",
        "A rebuild brings other libraries, and nobody knows which ones were tested.",
        PRACTICE + "#apt-get",
        fixed_versions,
        "every package has its version",
    ),
    Rule(
        "packages-ask",
        "Nothing asks back during the build",
        "warning",
        "Nobody is there to answer: the build ends there.",
        PRACTICE + "#apt-get",
        asks_nothing,
        "nothing asks back",
    ),
    Rule(
        "packages-upgrade",
        "The build does not upgrade its base",
        "warning",
        "Two builds of one commit become two different images.",
        PRACTICE + "#apt-get",
        same_tomorrow,
        "the base stays as it was fixed",
    ),
    Rule(
        "packages-list",
        "The list of packages is fetched where it is used",
        "warning",
        "The cached list names packages that are no longer there.",
        PRACTICE + "#apt-get",
        lists_with_install,
        "lists are fetched where they are used",
    ),
    Rule(
        "packages-left",
        "What was only needed to install is gone",
        "info",
        "A Pod that is scaled out waits until the whole image is there.",
        PRACTICE + "#apt-get",
        nothing_left,
        "nothing is left over",
    ),
    Rule(
        "packages-apt",
        "apt-get instead of apt",
        "info",
        "A newer base may break the build.",
        PRACTICE + "#apt-get",
        no_apt,
        "no apt",
    ),
)
