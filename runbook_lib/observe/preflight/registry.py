"""What an image's registry says of it: a HEAD for the manifest, with a token where it wants one; nothing is pulled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import requests

Answer = tuple[Literal["there", "absent", "refused", "not allowed", "unknown"], str]
Credentials = tuple[str, str]

PATIENCE = (3.0, 5.0)  # seconds to connect, seconds to wait for bytes
ACCEPTED = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
HUB, HUB_API = "docker.io", "registry-1.docker.io"
_PATH = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<path>{_PATH}(?:/{_PATH})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{{32,}}))?"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Name:
    """An image's name in its parts; ``host`` as the reference says it, docker.io where it says none."""

    host: str
    path: str
    version: str
    """The digest where there is one, else the tag."""

    @property
    def is_local(self) -> bool:
        """A registry on this machine's loopback, which may speak plain HTTP."""
        host = self.host.rpartition(":")[0] or self.host
        return host == "localhost" or host.startswith("127.") or host == "[::1]"


def parse(reference: str) -> Name | None:
    """The parts of a reference, None when no container runtime would take it."""
    first, slash, rest = reference.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    found = _REFERENCE.fullmatch(rest if is_host else reference)
    if found is None or (is_host and not re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+", first)):
        return None
    host, path = (first, found["path"]) if is_host else (HUB, found["path"])
    if host in (HUB, "index.docker.io") and "/" not in path:
        path = f"library/{path}"
    return Name(host, path, found["digest"] or found["tag"] or "latest")


def ask(http: requests.Session, name: Name, credentials: Credentials | None) -> Answer:
    """There, absent, refused with credentials, not allowed without; unknown when it cannot be asked from here."""
    scheme = "http" if name.is_local else "https"
    host = HUB_API if name.host == HUB else name.host
    url = f"{scheme}://{host}/v2/{name.path}/manifests/{name.version}"
    try:
        found = _head(http, url, None)
        if found.status_code == 401:
            found = _head(http, url, _authorization(http, found, name, credentials))
    except requests.RequestException as error:
        return "unknown", f"{name.host} cannot be asked from here ({_cause(error)})"
    return _answer(name, found, credentials is not None)


def _head(http: requests.Session, url: str, authorization: str | None) -> requests.Response:
    headers = {"Accept": ACCEPTED} | ({"Authorization": authorization} if authorization else {})
    return http.head(url, headers=headers, timeout=PATIENCE, allow_redirects=True)


def _answer(name: Name, found: requests.Response, shown: bool) -> Answer:
    status = found.status_code
    if status == 200:
        return "there", ""
    if status == 404:
        return "absent", f"{name.host} has no {name.path} at {name.version}"
    if status in (401, 403):
        if shown:
            return "refused", f"{name.host} refuses the credentials of its imagePullSecret ({status})"
        return "not allowed", f"{name.host} wants credentials, and neither Pod nor ServiceAccount names any for it"
    return "unknown", f"{name.host} answers {status}"


def _authorization(
    http: requests.Session, refused: requests.Response, name: Name, credentials: Credentials | None
) -> str | None:
    """What the registry's challenge asks for: Basic, or a token from the place that it names."""
    kind, _, rest = refused.headers.get("Www-Authenticate", "").partition(" ")
    basic = requests.auth._basic_auth_str(*credentials) if credentials else None
    if kind.lower() != "bearer":
        return basic
    asked = dict(_CHALLENGE.findall(rest))
    realm = asked.get("realm", "")
    if not realm.startswith("https://") and not name.is_local:
        return None  # credentials are shown to nobody in the clear
    wanted = {"service": asked.get("service", ""), "scope": asked.get("scope") or f"repository:{name.path}:pull"}
    found = http.get(realm, params=wanted, headers={"Authorization": basic} if basic else {}, timeout=PATIENCE)
    if found.status_code != 200:
        return None
    try:
        answer = found.json()
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, AttributeError):
        return None
    return f"Bearer {token}" if token else None


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted here"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__
