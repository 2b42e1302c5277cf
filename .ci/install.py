"""Makes .venv with the locked dependencies; needs Python 3.11 to 3.13 and nothing else."""

import subprocess
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"


def main() -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        found = sys.version.split()[0]
        sys.exit(f"Python 3.11, 3.12 or 3.13 is needed, this is {found}; try: make PYTHON=python3.12 demo")
    try:
        import ensurepip
        import venv
    except ImportError:
        sys.exit("Python's venv is missing; install it: apt install python3-venv (Debian), brew install python (macOS)")
    python = VENV / "bin" / "python"
    if not python.exists():
        print(f"making .venv with Python {sys.version.split()[0]}", flush=True)
        venv.create(VENV, with_pip=bool(ensurepip.version()))
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
    print("installing the locked dependencies", flush=True)
    uv = (VENV / "bin" / "uv", "pip", "install", "--quiet", "--python", python)
    run(*uv, "--require-hashes", "-r", "requirements.lock")
    run(*uv, "--no-deps", "--editable", ".")


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], cwd=VENV.parent)
    if done.returncode:
        sys.exit(f"{' '.join(str(part) for part in command[:4])} failed; the lines above say why. Run the same again.")


if __name__ == "__main__":
    main()
