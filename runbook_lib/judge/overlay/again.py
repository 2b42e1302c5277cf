"""Puts every question again, to what an overlay was built to."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from runbook_lib.artefacts import Manifests
from runbook_lib.judge.fitness import Fitness, Given, fitness


def asked_again(given: Given, built: Manifests, now: datetime) -> Fitness:
    """The verdict over what was built, with the Secrets that no overlay carries."""
    secrets = tuple(one for one in given.manifests.resources if one.kind == "Secret")
    manifests = dataclasses.replace(built, resources=built.resources + secrets)
    return fitness(dataclasses.replace(given, manifests=manifests), now)
