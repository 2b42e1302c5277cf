import socket
import subprocess


def test_name(tmp_path):
    assert socket.gethostname()
    subprocess.run(["true"])
    (tmp_path / "a").write_text("x")
