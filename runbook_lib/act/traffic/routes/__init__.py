"""Routes of the Kubernetes API: HTTPRoute, ingress-nginx canaries, VirtualService."""
