"""Reads what a version of Kubernetes serves, and the forms of the kinds used, from kubernetes-validate's files."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Resource, Schemas, Served
from runbook_lib.errors import BadParameters

# What mends add beside the objects given; its form must be at hand when they are checked again.
MENDED = (
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
)
VERSION = re.compile(r"v?1\.(\d+)([.+-].*)?")
SAFE = re.compile(r"[A-Za-z0-9.-]+(/[A-Za-z0-9.-]+)?")


def read_schemas(resources: Iterable[Resource], version: str | None = None) -> Schemas:
    """What a version of Kubernetes serves of the kinds that are used; without a version the newest that is known.

    A version newer than all that are known is answered by the newest, one older than all by nothing: ``used`` says so.
    Raises BadParameters for what is no version.
    """
    folders = _folders()
    asked = _minor(version) if version else max(folders)
    used = max((minor for minor in folders if minor <= asked), default=None)
    if used is None:
        return Schemas(f"1.{asked}", "", tuple(f"1.{minor}" for minor in sorted(folders)))
    wanted = {(resource.api_version, resource.kind) for resource in resources} | set(MENDED)
    return Schemas(
        f"1.{asked}",
        f"1.{used}",
        tuple(f"1.{minor}" for minor in sorted(folders)),
        {(api, kind): _served(folders, used, api, kind) for api, kind in wanted},
        _definitions(folders[used]),
    )


def _minor(version: str) -> int:
    found = VERSION.fullmatch(version.strip())
    if not found:
        raise BadParameters(f"{version!r} is no version of Kubernetes: give it as 1.34 (in quotes in YAML)")
    return int(found[1])


@cache
def _folders() -> dict[int, Path]:
    """The folders of strict schemas by minor version; the package is not imported, its files are all that is needed."""
    package = importlib.util.find_spec("kubernetes_validate")
    places = package.submodule_search_locations if package else None
    found = {}
    for folder in Path(next(iter(places or ["."]))).glob("kubernetes-json-schema/v1.*-local-strict"):
        found[int(folder.name.split(".")[1])] = folder
    if not found:
        raise BadParameters("no schemas of Kubernetes are installed: pip install kubernetes-validate, or make setup")
    return found


@cache
def _definitions(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "_definitions.json").read_bytes())["$defs"])


@cache
def _names(folder: Path) -> dict[str, tuple[str, ...]]:
    """File names by the small letters of the kind that they begin with."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.iterdir()):
        found.setdefault(file.name.partition("-")[0], []).append(file.name)
    return {kind: tuple(names) for kind, names in found.items()}


def _served(folders: dict[int, Path], used: int, api_version: str, kind: str) -> Served:
    if not SAFE.fullmatch(api_version) or not kind.isalnum():
        return Served()
    same = [_schema(folders[used] / name) for name in _names(folders[used]).get(kind.lower(), ())]
    forms = {api: schema for schema in same for api in _says(schema, "apiVersion") if kind in _says(schema, "kind")}
    known = [minor for minor in sorted(folders) if minor == used or _there(folders[minor], api_version, kind)]
    known = [minor for minor in known if minor != used or api_version in forms]
    return Served(forms.get(api_version), tuple(forms), tuple(f"1.{minor}" for minor in known))


def _there(folder: Path, api_version: str, kind: str) -> bool:
    group, _, number = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], number)))
    return name + ".json" in _names(folder).get(kind.lower(), ()) and api_version in _says(
        _schema(folder / f"{name}.json"), "apiVersion"
    )


@cache
def _schema(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_bytes()))


def _says(schema: dict[str, Any], field: str) -> list[str]:
    """The only values that an object of the schema may have there; none for what is a part of objects."""
    return list(schema.get("properties", {}).get(field, {}).get("enum", ()))
