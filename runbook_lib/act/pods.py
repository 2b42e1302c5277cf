"""Makes a Pod anew: its controller makes another one in its place, perhaps on another node."""

from __future__ import annotations

from kubernetes.client.exceptions import ApiException

from runbook_lib.model import Change, now
from runbook_lib.observe.cluster import PATIENCE, Cluster, Missing, sentence, speaking
from runbook_lib.observe.throttling import obeyed


def recreate(cluster: Cluster, name: str, uid: str) -> Change:
    """Delete exactly this Pod; one of the same name that came after it is left alone."""
    what, resource = f"re-create Pod/{name}", cluster.resource("v1", "Pod")
    before, body = {"pod": name, "uid": uid}, {"preconditions": {"uid": uid}}
    try:
        with speaking(cluster, f"Pod/{name}"):
            obeyed(
                lambda: resource.delete(name=name, namespace=cluster.namespace, body=body, _request_timeout=PATIENCE)
            )
    except Missing:
        return Change(what, before, None, False, now(), "it is gone already")
    except ApiException as error:
        if error.status != 409:
            raise
        return Change(what, before, None, False, now(), f"it is another one already: {sentence(error)}")
    return Change(what, before, None, True, now())
