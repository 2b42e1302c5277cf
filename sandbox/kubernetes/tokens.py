"""Tokens of ServiceAccounts: given out by the TokenRequest API, signed, good until they expire or the account goes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.rbac import ADMINISTRATOR, User, account
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store, timestamp

JsonObject = dict[str, Any]

ACCOUNTS = resource("serviceaccounts", "")
SHORTEST, USUAL = 600, 3600  # seconds


def user_of(store: Store, asked: web.Request) -> User:
    """Who sends this request; ApiError 401 for a token that is none of ours."""
    given = asked.headers.get("Authorization")
    if given is None:
        return ADMINISTRATOR
    kind, _, token = given.partition(" ")
    claims = _claims(store, token.strip()) if kind.lower() == "bearer" else None
    if claims is None or claims["exp"] < store.clock().timestamp():
        raise _unauthorized()
    named = claims["kubernetes.io"]
    live = store.find(ACCOUNTS, named["namespace"], named["serviceaccount"]["name"])
    if live is None or live["metadata"]["uid"] != named["serviceaccount"]["uid"]:
        raise _unauthorized()
    return account(named["namespace"], named["serviceaccount"]["name"])


def issue(store: Store, target: Target, wanted: JsonObject) -> JsonObject:
    """The TokenRequest with its token; ApiError 404 when there is no such ServiceAccount, 422 for too short a life."""
    live = store.peek(ACCOUNTS, target.namespace, str(target.name))
    spec = wanted.get("spec") or {}
    seconds = spec.get("expirationSeconds") or USUAL
    if seconds < SHORTEST:
        message = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        raise ApiError(422, f'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: {message}')
    metadata, end = live["metadata"], store.clock() + timedelta(seconds=seconds)
    named = {"name": metadata["name"], "uid": metadata["uid"]}
    claims = {
        "exp": int(end.timestamp()),
        "kubernetes.io": {"namespace": metadata["namespace"], "serviceaccount": named},
    }
    kept = {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": seconds} | spec
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": kept,
        "status": {"token": _signed(store, claims), "expirationTimestamp": timestamp(end)},
    }


def _signed(store: Store, claims: JsonObject) -> str:
    text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"{text}.{_signature(store, text)}"


def _signature(store: Store, text: str) -> str:
    return _encoded(hmac.new(store.key, text.encode(), hashlib.sha256).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _claims(store: Store, token: str) -> JsonObject | None:
    text, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(store, text).encode()):
        return None
    body = text.partition(".")[2]
    claims: JsonObject = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def _unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", reason="Unauthorized")
