"""What each verb does: get, list, create, update, patch, delete."""

from __future__ import annotations

import base64
import json
from typing import Any

from aiohttp import web

from sandbox.kubernetes import apply, patch, rbac, request, reviews, schema, selectors, subresources, tokens
from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.store import Store, timestamp

JsonObject = dict[str, Any]

RETURNED_WHEN_DELETED = frozenset(
    {"PersistentVolume", "PersistentVolumeClaim", "Pod", "ResourceQuota", "Service", "ServiceAccount"}
)
APPLY = "application/apply-patch+yaml"


def get(store: Store, target: Target) -> JsonObject:
    """One object, or its Scale."""
    obj = store.peek(target.resource, target.namespace, str(target.name))
    return subresources.scale_of(obj) if target.subresource == "scale" else obj


def listed(store: Store, target: Target, asked: web.Request) -> JsonObject:
    """All objects that a request selects, or one page of them."""
    resource = target.resource
    labels = selectors.by_labels(asked.query.get("labelSelector"))
    fields = selectors.by_fields(asked.query.get("fieldSelector"), resource)
    items = [item for item in store.view(resource, target.namespace) if labels(item) and fields(item)]
    metadata: JsonObject = {"resourceVersion": str(store.revision)} | ({"continue": ""} if resource.custom else {})
    limit, start = request.number(asked, "limit"), _start(asked)
    if start:
        items = [item for item in items if _place(item) > start]
    if limit and len(items) > limit:
        metadata["continue"] = _continue(store.revision, _place(items[limit - 1]))
        if labels is selectors.everything and fields is selectors.everything:
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    if not resource.custom:  # the items of a typed list do not say their kind
        items = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def _place(item: JsonObject) -> list[str]:
    return [item["metadata"].get("namespace", ""), item["metadata"]["name"]]


def _continue(revision: int, place: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": revision, "start": place}).encode()).decode()


def _start(asked: web.Request) -> list[str] | None:
    token = asked.query.get("continue")
    if not token:
        return None
    try:
        start: list[str] = json.loads(base64.urlsafe_b64decode(token))["start"]
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
    return start


async def create(
    store: Store, target: Target, asked: web.Request, user: rbac.User = rbac.ADMINISTRATOR
) -> tuple[int, JsonObject, list[str]]:
    """POST: the code, the object, and warnings."""
    resource = target.resource
    obj = await request.read_object(asked, resource.kind)
    if target.subresource == "binding":
        return 201, subresources.bind(store, target, obj), []
    if target.subresource == "eviction":
        return 201, subresources.evict(store, target, obj), []
    if target.subresource == "token":
        return 201, tokens.issue(store, target, obj), []
    if target.name is not None:
        raise not_allowed()
    warnings = await schema.check(resource, obj, asked.query.get("fieldValidation", "Warn"))
    _require_kind(resource, obj)
    metadata = _metadata(obj)
    if target.namespace is not None:
        if metadata.setdefault("namespace", target.namespace) != target.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    elif resource.namespaced:
        raise not_allowed()
    manager, dry_run = request.manager(asked), request.is_dry_run(asked)
    if resource.verbs == ("create",):
        return 201, reviews.answer(store, target, obj, manager, user), warnings
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    return 201, store.create(resource, obj, manager, dry_run=dry_run), warnings


async def update(store: Store, target: Target, asked: web.Request) -> tuple[int, JsonObject, list[str]]:
    """PUT: the code, the object, and warnings."""
    resource = target.resource
    if target.name is None:
        raise not_allowed()
    obj = await request.read_object(asked, resource.kind)
    if target.subresource == "scale":
        return 200, _scale(store, target, obj, asked), []
    warnings = await schema.check(resource, obj, asked.query.get("fieldValidation", "Warn"))
    _require_kind(resource, obj)
    _require_name(target, obj)
    return 200, _write(store, target, obj, asked), warnings


async def patched(
    store: Store, target: Target, asked: web.Request, user: rbac.User = rbac.ADMINISTRATOR
) -> tuple[int, JsonObject, list[str]]:
    """PATCH: the code, the object, and warnings."""
    if target.name is None:
        raise not_allowed()
    change = await request.read_patch(asked)
    if asked.content_type == APPLY:
        return await _applied(store, target, change, asked, user)
    live = store.get(target.resource, target.namespace, target.name)
    if target.subresource == "scale":
        scale = _patch(target.resource, subresources.scale_of(live), change, asked.content_type)
        return 200, _scale(store, target, scale, asked), []
    obj = _patch(target.resource, live, change, asked.content_type)
    warnings = await schema.check(target.resource, obj, asked.query.get("fieldValidation", "Warn"), patch=True)
    # A controller may have written meanwhile: a patch is made to what is there now, and is never stale by itself.
    live = store.get(target.resource, target.namespace, target.name)
    obj = _patch(target.resource, live, change, asked.content_type)
    _require_name(target, obj)
    return 200, _write(store, target, obj, asked), warnings


def _patch(resource: Resource, live: JsonObject, change: Any, content_type: str) -> JsonObject:
    if content_type == "application/json-patch+json":
        return patch.json_patch(live, change)
    if not isinstance(change, dict):
        raise bad_request("error decoding patch: a patch is an object")
    if content_type == "application/merge-patch+json":
        merged: JsonObject = patch.merge(live, change)
        return merged
    if resource.custom:
        supported = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        message = f"the body of the request was in an unknown format - accepted media types include: {supported}"
        raise ApiError(415, message, details={})
    return patch.strategic_merge(live, change)


async def _applied(
    store: Store, target: Target, config: JsonObject, asked: web.Request, user: rbac.User
) -> tuple[int, JsonObject, list[str]]:
    """Server-side apply: creates what is not there."""
    resource, manager = target.resource, asked.query.get("fieldManager")
    if not manager:
        raise manager_required()
    _require_kind(resource, config)
    _require_name(target, config)
    warnings = await schema.check(resource, config, asked.query.get("fieldValidation", "Warn"))
    metadata = config["metadata"]
    if target.namespace is not None:
        metadata["namespace"] = target.namespace
    live = store.find(resource, target.namespace, str(target.name))
    now, force, dry_run = timestamp(store.clock()), request.flag(asked, "force"), request.is_dry_run(asked)
    obj, managed = apply.apply(resource, live, config, manager, now, force=force)
    if live is None:
        rbac.require(store, user, rbac.wanted_of(resource, "create", target.namespace, None, None))
        return 201, store.create(resource, obj, manager, dry_run=dry_run, managed=managed), warnings
    return 200, store.update(resource, obj, None, manager, dry_run=dry_run, managed=managed), warnings


def _write(store: Store, target: Target, obj: JsonObject, asked: web.Request) -> JsonObject:
    """Replaces an object or its status."""
    if target.namespace is not None:
        obj["metadata"]["namespace"] = target.namespace
    manager, dry_run = request.manager(asked), request.is_dry_run(asked)
    if target.subresource == "status":
        return store.update(target.resource, obj, "status", manager, dry_run=dry_run)
    return store.update(target.resource, obj, None, manager, dry_run=dry_run)


def _scale(store: Store, target: Target, scale: JsonObject, asked: web.Request) -> JsonObject:
    live = store.get(target.resource, target.namespace, str(target.name))
    obj = subresources.scaled(live, scale)
    manager, dry_run = request.manager(asked), request.is_dry_run(asked)
    return subresources.scale_of(store.update(target.resource, obj, "scale", manager, dry_run=dry_run))


async def delete(store: Store, target: Target, asked: web.Request) -> JsonObject:
    """DELETE of one object: a Status when it is gone, else the object that is going."""
    options = await request.read_options(asked)
    resource, name = target.resource, str(target.name)
    live = store.peek(resource, target.namespace, name)
    _check_preconditions(resource, live, options.get("preconditions") or {})
    obj = _delete(store, resource, live, options, dry_run=request.is_dry_run(asked, options))
    gone = store.find(resource, target.namespace, name) is None
    if not gone or resource.kind in RETURNED_WHEN_DELETED:
        return obj
    details = {"name": name, "group": resource.group, "kind": resource.plural, "uid": obj["metadata"]["uid"]}
    return subresources.success({key: value for key, value in details.items() if value})


async def delete_collection(store: Store, target: Target, asked: web.Request) -> JsonObject:
    """DELETE of all objects that a request selects: the list of them."""
    options = await request.read_options(asked)
    found = listed(store, target, asked)
    dry_run = request.is_dry_run(asked, options)
    for item in found["items"]:
        live = store.find(target.resource, item["metadata"].get("namespace"), item["metadata"]["name"])
        if live is not None:
            _delete(store, target.resource, live, options, dry_run=dry_run)
    return found


def _delete(store: Store, resource: Resource, live: JsonObject, options: JsonObject, *, dry_run: bool) -> JsonObject:
    metadata, policy = live["metadata"], options.get("propagationPolicy")
    if policy not in (None, "Background", "Foreground", "Orphan"):
        raise bad_request(f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "{policy}"')
    grace = options.get("gracePeriodSeconds")
    return store.delete(resource, metadata.get("namespace"), metadata["name"], policy, grace, dry_run=dry_run)


def _check_preconditions(resource: Resource, live: JsonObject, wanted: JsonObject) -> None:
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) not in (None, live["metadata"][field]):
            name = live["metadata"]["name"]
            message = (
                f'Operation cannot be fulfilled on {resource.qualified} "{name}": Precondition failed: {label} in '
                f"precondition: {wanted[field]}, {label} in object meta: {live['metadata'][field]}"
            )
            details = {"name": name, "group": resource.group, "kind": resource.plural}
            raise ApiError(409, message, details={key: value for key, value in details.items() if value})


def _require_kind(resource: Resource, obj: JsonObject) -> None:
    """The object in the body is of the kind that the path names."""
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if (kind or resource.kind) != resource.kind or (version or resource.api_version) != resource.api_version:
        message = (
            f'{kind} in version "{version}" cannot be handled as a {resource.kind}: '
            f"the object provided is unrecognized (must be of type {resource.kind})"
        )
        raise bad_request(message)


def _metadata(obj: JsonObject) -> JsonObject:
    """The object's metadata, made where there is none; ApiError 400 when it is no map."""
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    metadata = obj["metadata"]
    if not isinstance(metadata, dict):
        raise bad_request("json: cannot unmarshal metadata into Go value of type v1.ObjectMeta")
    return metadata


def _require_name(target: Target, obj: JsonObject) -> None:
    metadata = _metadata(obj)
    if metadata.setdefault("name", target.name) != target.name:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    if target.namespace is not None and metadata.setdefault("namespace", target.namespace) != target.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def not_allowed() -> ApiError:
    """405 of a verb that the path has not."""
    return ApiError(405, "the server does not allow this method on the requested resource", details={})


def manager_required() -> ApiError:
    """422 of an apply that does not say who applies."""
    message = "Required value: is required for apply patch"
    return ApiError(
        422,
        f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {message}',
        details={
            "group": "meta.k8s.io",
            "kind": "PatchOptions",
            "causes": [{"reason": "FieldValueRequired", "message": message, "field": "fieldManager"}],
        },
    )
