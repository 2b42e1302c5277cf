"""An embedded Kubernetes API with the controllers and the kubelet that a rollout needs, in one process."""
