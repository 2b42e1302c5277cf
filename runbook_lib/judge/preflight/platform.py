"""What the release stands on: images, StorageClasses, routes and their Gateways, API versions, the Service."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.judge.preflight.seen import Image, Reference
from runbook_lib.model import Outcome, Verdict

_STATES = {"there": Outcome.PASS, "absent": Outcome.FAIL, "refused": Outcome.FAIL, "unknown": Outcome.INCONCLUSIVE}


def images(seen: Sequence[Image]) -> Verdict:
    """Can every image be pulled by the name given; a registry that only nodes reach is INCONCLUSIVE, never FAIL."""
    judged = [_image(one) for one in seen]
    if not judged:
        return Verdict("images", Outcome.INCONCLUSIVE, "the release names no image")
    worst = max(outcome for outcome, _ in judged)
    good = sum(outcome is Outcome.PASS for outcome, _ in judged)
    numbers = {"images": float(len(judged)), "known_good": float(good)}
    told = [said for outcome, said in judged if outcome is worst]
    return Verdict("images", worst, f"{good} of {len(judged)} images are there: {_few(told)}", numbers)


def _image(one: Image) -> tuple[Outcome, str]:
    name = f"{one.reference} of {one.workload}"
    if one.problem:
        return Outcome.FAIL, f"{name}: {one.problem}; correct the manifest"
    cached = one.nodes is not None and 0 < one.nodes <= one.on_nodes and one.policy != "Always"
    if cached:
        return Outcome.PASS, f"{name} is on {one.on_nodes} of {one.nodes} nodes"
    if one.missing_secrets:
        secrets = ", ".join(f"Secret/{secret}" for secret in one.missing_secrets)
        return Outcome.FAIL, f"{name}: its imagePullSecret {secrets} is not there; create it, or correct the name"
    where = "" if one.nodes is None else f", it is on {one.on_nodes} of {one.nodes} nodes"
    if one.policy == "Never":
        return Outcome.INCONCLUSIVE, f"{name} is never pulled{where or ', and the nodes were not seen'}"
    if one.answer == "there":
        return Outcome.PASS, f"{name}: the registry has it{where}"
    if one.answer == "absent":
        return Outcome.FAIL, f"{name}: {one.said}; push it, or correct the tag"
    if one.answer == "refused":
        return Outcome.FAIL, f"{name}: {one.said}; renew the imagePullSecret"
    return Outcome.INCONCLUSIVE, f"{name}: {one.said}{where}; the rollout tells whether the nodes can pull it"


def storage(seen: Sequence[Reference]) -> Verdict:
    """Every volume claim has a StorageClass, or a volume already."""
    return _standing("storage", seen, "the release claims no volume", "name a StorageClass that is there")


def routes(seen: Sequence[Reference]) -> Verdict:
    """Every route hangs on something that carries it: an IngressClass, or a Gateway with a listener for it."""
    return _standing("routes", seen, "the release has no route", "correct the route, or have it set up")


def service(seen: Reference) -> Verdict:
    """The Service whose name others call is there and chooses the Pods."""
    return _standing("service", [seen], "", "correct kubernetes.service or the manifests")


def _standing(name: str, seen: Sequence[Reference], nothing: str, todo: str) -> Verdict:
    if not seen:
        return Verdict(name, Outcome.PASS, f"0 of 0: {nothing}", {"wanted": 0.0, "there": 0.0})
    worst = max(_STATES[one.state] for one in seen)
    there = sum(one.state == "there" for one in seen)
    told = [_sentence(one) for one in seen if _STATES[one.state] is worst]
    message = f"{there} of {len(seen)}: {_few(told)}{f'; {todo}' if worst is Outcome.FAIL else ''}"
    return Verdict(name, worst, message, {"wanted": float(len(seen)), "there": float(there)})


def _sentence(one: Reference) -> str:
    word = {"there": "has", "absent": "lacks", "refused": "is not carried by", "unknown": "needs"}[one.state]
    return f"{one.user} {word} {one.needs}{f' ({one.said})' if one.said else ''}"


def versions(old: Sequence[str]) -> Verdict:
    """API versions of the release that something newer is served beside; they still work, so they only are named."""
    numbers = {"older": float(len(old))}
    if not old:
        return Verdict(
            "API versions", Outcome.PASS, "0 objects in a version that a stable one is served beside", numbers
        )
    return Verdict("API versions", Outcome.PASS, f"still served, move on soon: {_few(list(old))}", numbers)


def _few(told: Sequence[str], most: int = 4) -> str:
    return "; ".join(told[:most]) + (f"; and {len(told) - most} more" if len(told) > most else "")
