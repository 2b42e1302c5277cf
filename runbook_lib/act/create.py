"""Makes an object that is not there yet."""

from __future__ import annotations

from functools import partial

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import ChangeFailed
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, sentence, speaking
from runbook_lib.observe.release.difference import MANAGER
from runbook_lib.observe.throttling import obeyed


def create(cluster: Cluster, body: Object) -> Object | None:
    """The object as it was made; None where one of its name is there already. ChangeFailed when it is refused."""
    about = f"{body['kind']}/{body['metadata']['name']}"
    resource = cluster.resource(body["apiVersion"], body["kind"])
    given = {"body": body, "namespace": cluster.namespace, "field_manager": MANAGER, "_request_timeout": PATIENCE}
    with speaking(cluster, about):
        try:
            return plain_object(obeyed(partial(resource.create, **given)))
        except ApiException as error:
            if error.status == 409 and "already exists" in sentence(error):
                return None
            if error.status in (409, 422, 400):
                raise ChangeFailed(f"{about} was not made: {sentence(error)}") from None
            raise
