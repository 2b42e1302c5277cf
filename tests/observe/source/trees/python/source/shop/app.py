"""The shop's web part. It once asked socket.gethostname() for its number."""

import os
import platform
import secrets
import socket
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

from flask import Flask, request, session
from redis import Redis

app = Flask(__name__)
app.secret_key = os.urandom(24)
app.config["SESSION_TYPE"] = "filesystem"
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "shop.example"]
VERSION = "10.4.2"
LEDGER = "http://10.20.30.40:8081/ledger"
BROKERS = ["47.98.12.13:9092", "47.98.12.14:9092"]
AGENT = "http://localhost:8126/v0.4/traces"
UPLOADS = Path("/data/shop/uploads")
SESSIONS: dict[str, dict[str, str]] = {}
PRICES: dict[str, float] = {}

cache = Redis(host="127.0.0.1", port=6379)


def instance() -> str:
    """A name like vm-1: nobody else has it."""
    return f"{socket.gethostname()}-{os.getpid()}"


def node() -> str:
    return os.environ["HOSTNAME"] or platform.node()


def resolve(name: str) -> str:
    return socket.gethostbyname(name)


@app.post("/upload")
def upload() -> str:
    file = request.files["file"]
    os.makedirs(UPLOADS, exist_ok=True)
    file.save(str(UPLOADS / file.filename))
    with open(UPLOADS / "index.csv", "a") as index:
        index.write(f"{file.filename},{datetime.now()}\n")
    (UPLOADS / "last.txt").write_text(file.filename)
    return "stored"


@app.get("/orders")
def orders() -> str:
    if request.remote_addr == "127.0.0.1":
        return "internal"
    today = date.today()
    known = sqlite3.connect("/var/lib/shop/orders.db")
    scratch = sqlite3.connect(":memory:")
    session["seen"] = datetime.now(UTC).isoformat()
    with open("/etc/shop/template.html", "r") as template:
        return template.read().format(today, known, scratch)


def token() -> str:
    return secrets.token_hex(16)


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
