"""Moves a live application from virtual machines to Kubernetes and records what was done."""
