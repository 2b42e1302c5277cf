"""A real sshd on a high port of loopback, from Debian's package; as root in a mount namespace with a user for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runbook_lib.errors import Unreachable
from sandbox.tools import Program, obtain
from tests.act.traffic.real_proxy import REPOSITORY, free_ports, running

SSHD = Program("sshd", ("sshd",), "-?", ("openssh-server",), "openssh-server", "openssh", exits=1)
CONFIG = """\
ListenAddress 127.0.0.1
HostKey {root}/host
AuthorizedKeysFile {root}/user.pub
StrictModes no
UsePAM no
PidFile {root}/sshd.pid
"""
# As root sshd wants a user of its own to give its rights up to; /etc/passwd is another file only for it.
AS_ROOT = """\
mount --bind {root}/passwd /etc/passwd && mount -t tmpfs tmpfs /run && mkdir -p /run/sshd && exec "$@"
"""


@contextmanager
def sshd(root: Path) -> Iterator[list[str]]:
    """The words of an ssh that logs in there as whoever runs the tests; skipped where no sshd can be had."""
    ssh = shutil.which("ssh")
    if ssh is None:
        pytest.skip("no ssh here: install openssh-client")
    try:
        tool = obtain((SSHD,), REPOSITORY)["sshd"]
    except Unreachable as error:
        pytest.skip(str(error))
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / key], check=True)
    (root / "sshd_config").write_text(CONFIG.format(root=root))
    (root / "passwd").write_text(Path("/etc/passwd").read_text() + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
    [port] = free_ports(1)
    argv = [str(tool.binary), "-D", "-e", "-f", str(root / "sshd_config"), "-p", str(port)]
    if os.geteuid() == 0:
        inside = ["unshare", "-m", "sh", "-c", AS_ROOT.format(root=root), "sh"]
        if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
            pytest.skip("sshd runs as root only with a user of its own, and no mount namespace can be had here")
        argv = [*inside, *argv]
    with running(argv, root, port, tool.environment):
        known = ["-oUserKnownHostsFile=/dev/null", "-oStrictHostKeyChecking=no", "-oLogLevel=ERROR", "-F/dev/null"]
        yield [ssh, "-oBatchMode=yes", "-oConnectTimeout=5", *known, "-i", str(root / "user"), "-p", str(port)]
