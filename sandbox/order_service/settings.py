"""Environment variables -> Settings; the only reader of the environment here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from runbook_lib.errors import BadParameters

Side = Literal["legacy", "kubernetes"]
SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Redis:
    """Where the sessions are."""

    host: str
    port: int
    password: str
    database: int


@dataclass(frozen=True)
class Settings:
    """What one instance needs to know; times are seconds.

    After SIGTERM it serves on for ``drain`` seconds, longer while requests still come in, and never beyond ``stop``.
    """

    bind_address: str
    port: int
    side: Side
    instance: str
    orders_database: Path
    redis: Redis
    faults_file: Path | None
    drain: float
    stop: float


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from the environment; raises BadParameters naming the variable.

    ``NAME_FILE`` names a file that holds the value, which is how a mounted Secret arrives.
    """
    faults = environment.get("FAULTS_FILE", "")
    return Settings(
        bind_address=_value(environment, "BIND_ADDRESS", "127.0.0.1"),
        port=int(_number(environment, "PORT", "8080")),
        side=_side(_value(environment, "SIDE")),
        instance=_value(environment, "INSTANCE"),
        orders_database=_database(_value(environment, "ORDERS_DATABASE")),
        redis=_redis(_value(environment, "REDIS_URL")),
        faults_file=Path(faults) if faults else None,
        drain=_number(environment, "DRAIN_SECONDS", "1"),
        stop=_number(environment, "STOP_SECONDS", "8"),
    )


def _value(environment: Mapping[str, str], name: str, usual: str | None = None) -> str:
    value = environment.get(name, "")
    file = environment.get(f"{name}_FILE", "")
    if not value and file:
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadParameters(f"{name}_FILE names {file}, which cannot be read: {error.strerror}.") from error
    if not value and usual is None:
        raise BadParameters(f"The order service needs {name} (or {name}_FILE) in its environment.")
    return value or cast(str, usual)


def _number(environment: Mapping[str, str], name: str, usual: str) -> float:
    text = _value(environment, name, usual)
    try:
        return float(text)
    except ValueError as error:
        raise BadParameters(f"{name} is {text!r}; a number is needed.") from error


def _side(text: str) -> Side:
    if text not in ("legacy", "kubernetes"):
        raise BadParameters(f"SIDE is {text!r}; it is legacy or kubernetes.")
    return cast(Side, text)


def _database(url: str) -> Path:
    if not url.startswith(SQLITE) or len(url) == len(SQLITE):
        raise BadParameters(f"ORDERS_DATABASE is {url!r}; it looks like sqlite:////absolute/path/orders.db.")
    return Path(url.removeprefix(SQLITE))


def _redis(url: str) -> Redis:
    parts = urlsplit(url)
    database = parts.path.strip("/") or "0"
    if parts.scheme != "redis" or not parts.hostname or not database.isdigit():
        raise BadParameters("REDIS_URL is not of the form redis://[:password@]host:6379/0.")
    return Redis(parts.hostname, parts.port or 6379, parts.password or "", int(database))
