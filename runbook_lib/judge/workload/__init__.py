"""Checks of Kubernetes manifests: one file a topic, each check a small pure function over everything given."""
