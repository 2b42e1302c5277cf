"""A real Jupyter server of a test's own, and what JupyterLab asks of it when a notebook is opened and trusted."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

TOKEN = {"Authorization": "token test"}


@contextlib.contextmanager
def jupyter_server(root: Path, home: Path) -> Iterator[str]:
    """The URL of the contents API over a folder; the server's own files lie in ``home``, and it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home.mkdir(parents=True, exist_ok=True)
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("DATA", "CONFIG", "RUNTIME")}
    options = {
        "ip": "127.0.0.1",
        "port": port,
        "port_retries": 0,
        "root_dir": root,
        "open_browser": False,
        "allow_root": True,
        "jpserver_extensions": {},
    }
    command = [sys.executable, "-m", "jupyter_server", "--IdentityProvider.token=test"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/api", server)
        yield f"http://127.0.0.1:{port}/api/contents"
    finally:
        server.terminate()
        server.wait(60)


def open_trust_and_save(url: str) -> None:
    """What JupyterLab sends when somebody opens a notebook, trusts it, and saves it."""
    _sent("POST", f"{url}/checkpoints")
    _sent("POST", f"{url}/trust")
    content = _sent("GET", url).json()["content"]
    assert all(cell["metadata"]["trusted"] for cell in content["cells"] if cell["cell_type"] == "code")
    _sent("PUT", url, {"type": "notebook", "format": "json", "content": content})
    _sent("POST", f"{url}/checkpoints")


def _sent(method: str, url: str, body: object = None) -> requests.Response:
    answer = requests.request(method, url, json=body, headers=TOKEN, timeout=30)
    answer.raise_for_status()
    return answer


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            requests.get(url, timeout=5)
            return
        time.sleep(0.1)
    raise AssertionError("the Jupyter server does not answer; see server.log")
