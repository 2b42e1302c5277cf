"""Schemas: of the version that is asked for, only what is used; our reading of them held against jsonschema's."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from damage import places, put
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from kubernetes_validate import utils
from referencing import Registry, Resource

from runbook_lib.artefacts import Schemas
from runbook_lib.errors import BadParameters
from runbook_lib.judge.workload.kinds import GONE, GROUPS, group_of
from runbook_lib.judge.workload.strict import OPTIONAL, mismatches
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.observe.files.schemas import read_schemas

GOOD = (Path(__file__).parent.parent / "judge" / "workload" / "good.yaml").read_text()
READ = parse_manifests(GOOD, "f")
OBJECTS = [one for one in yaml.safe_load_all(GOOD) if group_of(one["apiVersion"]) in GROUPS]
NEWEST = "1.37"


@pytest.mark.parametrize(
    ("asked", "version", "used"),
    [
        (None, NEWEST, NEWEST),
        ("1.31", "1.31", "1.31"),
        ("v1.31.4+k3s1", "1.31", "1.31"),
        ("1.30-eks-1", "1.30", "1.30"),
        ("1.99", "1.99", NEWEST),
        ("1.24", "1.24", ""),
    ],
)
def test_a_version_is_answered_by_its_own_schemas_or_by_the_newest_before_it(
    asked: str | None, version: str, used: str
) -> None:
    schemas = read_schemas((), asked)
    assert (schemas.version, schemas.used, schemas.known[0], schemas.known[-1]) == (version, used, "1.25", NEWEST)


@pytest.mark.parametrize("asked", ["", "latest", "2.1", "1", "1.x", "1.31 or so"])
def test_what_is_no_version_is_refused(asked: str) -> None:
    if asked:
        with pytest.raises(BadParameters, match="no version of Kubernetes"):
            read_schemas((), asked)
    else:
        assert read_schemas((), asked).used == NEWEST


def test_only_kinds_that_are_used_or_that_mends_add_are_read() -> None:
    read = parse_manifests("apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\n", "f")
    kinds = {kind for _, kind in read_schemas(read.resources).kinds}
    assert "Job" in kinds and "Deployment" not in kinds
    assert len(kinds) < 12


def test_schemas_cost_a_notebook_no_time() -> None:
    read = parse_manifests(GOOD, "f")
    begin = time.process_time()
    read_schemas(read.resources)
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize("kind", ["../secret", "Deployment/x", "", "Ünder", "deployment", "DeploymentSpec", "Affinity"])
def test_a_strange_kind_names_no_file(kind: str) -> None:
    text = f"apiVersion: apps/v1\nkind: {kind or '~'}\nmetadata: {{name: a}}\n"
    read = parse_manifests(text, "f")
    assert all(served.form is None for key, served in read_schemas(read.resources).kinds.items() if key[1] == kind)


def test_a_kind_of_another_group_is_not_the_one_of_the_same_short_name() -> None:
    read = parse_manifests("apiVersion: apps.example.org/v1\nkind: Deployment\nmetadata: {name: a}\n", "f")
    served = read_schemas(read.resources).kinds["apps.example.org/v1", "Deployment"]
    assert (served.form, served.elsewhere) == (None, ("apps/v1",))


@pytest.mark.parametrize(("api", "kind"), [key for key, (since, _) in GONE.items() if since > 25])
def test_what_is_listed_as_gone_is_gone_from_the_schemas_of_that_version(api: str, kind: str) -> None:
    read = parse_manifests(f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n", "f")
    since, newer = GONE[api, kind]
    before, then = (read_schemas(read.resources, f"1.{minor}").kinds[api, kind] for minor in (since - 1, since))
    assert before.form is not None
    assert then.form is None and newer in (*then.elsewhere, *read_schemas(read.resources).kinds[api, kind].elsewhere)
    assert then.versions == before.versions and then.versions[-1] == f"1.{since - 1}"


def ours(document: dict[str, Any], schemas: Schemas) -> list[str]:
    (resource,) = parse_manifests(yaml.safe_dump(document), "f").resources
    form = schemas.kinds[resource.api_version, resource.kind].form
    assert form is not None
    found = [message for _, message in mismatches(resource.node, form, schemas, resource.kind)]
    return [message for message in found if "it must be one of" not in message]  # words stand in no published schema


def theirs(document: dict[str, Any], version: str) -> str:
    """What jsonschema says first, without what older schemas ask for and no API server ever did."""
    errors = _validator(version, document["kind"], document["apiVersion"]).iter_errors(document)
    never = {f"'{key}' is a required property" for _, key in OPTIONAL}
    return next((error.message for error in errors if error.message not in never), "")


@cache
def _validator(version: str, kind: str, api: str) -> Any:
    """What kubernetes_validate.validate makes anew for each object."""
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    name = re.sub(r"\.[^/]*", "", api).replace("/", "-")
    form = utils.schema_contents(f"{folder}/{kind.lower()}-{name}.json", version)
    registry = Resource.from_contents(_definitions(folder, version)) @ Registry()
    return Draft202012Validator(form, registry=Resource.from_contents(form) @ registry)


@cache
def _definitions(folder: str, version: str) -> Any:
    return utils.schema_contents(f"{folder}/_definitions.json", version)


def without_nulls(value: Any) -> Any:
    """As the API server reads an object: a field that is null is not given."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def hollow(value: Any) -> bool:
    """Nothing inside of something: jsonschema lets an empty item pass, and does not see a field it was not given."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(item is None or hollow(item) for item in below)


# "" is not given where there is a choice, and sizes and times are formats, which jsonschema leaves alone
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.sampled_from([0.5, 3.0, "TCP", "Always", "50%", "1Gi", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "port", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), value=VALUES, version=st.sampled_from(["1.25", "1.31", NEWEST]))
def test_a_damaged_object_is_refused_exactly_when_jsonschema_refuses_it(
    data: st.DataObject, value: Any, version: str
) -> None:
    document = data.draw(st.sampled_from(OBJECTS))
    place = data.draw(st.sampled_from([at for at in places(document) if at and at[0] not in ("kind", "apiVersion")]))
    damaged = put(document, place, value)
    assume(not hollow(value) and not (value is None and isinstance(place[-1], int)))
    schemas = read_schemas(READ.resources, version)
    found, told = ours(damaged, schemas), theirs(without_nulls(damaged), version)
    assert bool(found) == bool(told), (place, value, found, told)


@pytest.mark.parametrize("document", OBJECTS, ids=[one["kind"] + "/" + one["metadata"]["name"] for one in OBJECTS])
def test_a_sound_object_is_sound_for_both(document: dict[str, Any]) -> None:
    schemas = read_schemas(READ.resources)
    assert (ours(document, schemas), theirs(document, NEWEST)) == ([], "")
