"""The gateway in front of the Pods: HAProxy, told by a follower of the EndpointSlices which Pods are ready."""

from sandbox.gateway.configuration import write_config

__all__ = ["write_config"]
