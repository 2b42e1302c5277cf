"""Checks of how an image is built, one file a topic, and what writes a Dockerfile for those that have none."""
