"""What the runbooks look at: manifests, an image's Dockerfile, the source and the hosts of the order service."""
