"""What the checks look at: all objects given, their Pods and containers, the Dockerfile, the assessment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from runbook_lib.artefacts import Assessed, Dockerfile, Instruction, Node, Policy, Resource, Schemas, home_of
from runbook_lib.judge.workload.kinds import foreign
from runbook_lib.judge.workload.labels import Labelled
from runbook_lib.judge.workload.labels import includes as includes
from runbook_lib.judge.workload.labels import selects as selects
from runbook_lib.judge.workload.workloads import TEMPLATES as TEMPLATES
from runbook_lib.judge.workload.workloads import Container as Container
from runbook_lib.judge.workload.workloads import Workload as Workload
from runbook_lib.judge.workload.workloads import repository as repository
from runbook_lib.judge.workload.workloads import workload_of

LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
MAKERS = {"ReplicaSet": ("Deployment",), "Job": ("CronJob",), "Pod": ("ReplicaSet", "StatefulSet", "DaemonSet", "Job")}
REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet")


@dataclass(frozen=True)
class World:
    """Everything given to the checks at once, because the mistakes that hurt lie between the objects.

    What is looked up by name, selector or target is found in indexes that are made once, when first asked for: a check
    that goes through all objects and asks for the neighbours of each stays linear in their number.
    """

    resources: tuple[Resource, ...]
    dockerfile: Dockerfile | None = None
    assessed: Assessed = field(default_factory=Assessed)
    policy: Policy = field(default_factory=Policy)
    namespace: str = "default"
    schemas: Schemas | None = None
    """The forms of the kinds used in the cluster's version; without them forms are not asked about."""
    application: str = ""
    """The name of the application's own workload; without it, or where nothing has it, the only image's are its."""
    image: frozenset[str] | None = None
    """Repositories of the application's image, where a larger set of objects told them; else these objects do."""
    made: dict[int, Workload] = field(default_factory=dict, repr=False, compare=False)
    """Workloads by the identity of their object; a mended copy begins with those of the world it was made of."""

    def of_kind(self, *kinds: str) -> tuple[Resource, ...]:
        """The objects of these kinds, in the order given."""
        if len(kinds) == 1:
            return tuple(self._kinds.get(kinds[0], ()))
        wanted = set(kinds)
        return tuple(resource for resource in self._own if resource.kind in wanted)

    def workloads(self, *kinds: str) -> tuple[Workload, ...]:
        """The objects that make Pods, of these kinds or of all; not those that another of them has made."""
        wanted = kinds or tuple(TEMPLATES)
        found = self._workloads.get(wanted)
        if found is None:
            found = tuple(self._workload(r) for r in self.of_kind(*wanted) if self.maker(r) is None)
            self._workloads[wanted] = found
        return found

    def workload(self, resource: Resource) -> Workload | None:
        """The object as one that makes Pods; None when it makes none."""
        return self._workload(resource) if resource.kind in TEMPLATES and not foreign(resource) else None

    def maker(self, resource: Resource) -> Resource | None:
        """The controller among the objects given that has made it, as in what a cluster prints of itself."""
        for owner in resource.node.get("metadata", "ownerReferences").elements():
            if owner.get("controller").is_true() and owner.get("kind").text() in MAKERS.get(resource.kind, ()):
                return self.named(owner.get("kind").text(), owner.get("name").text(), resource)
        return None

    def containers(self, *kinds: str) -> Iterator[tuple[Workload, Container]]:
        """Every container of these kinds of workload, or of all."""
        for workload in self.workloads(*kinds):
            for container in workload.containers:
                yield workload, container

    def space(self, resource: Resource) -> str:
        return resource.namespace or self.namespace

    def named(self, kind: str, name: str, like: Resource) -> Resource | None:
        """The object of that kind and name in the namespace of another."""
        return self._names.get((kind, self.space(like), name))

    def clusterwide(self, kind: str, name: str) -> Resource | None:
        """The object of that kind and name, of a kind that lies in no namespace."""
        return self._names.get((kind, self.namespace, name))

    def services(self, workload: Workload) -> tuple[Resource, ...]:
        """The Services whose selector takes in the workload's Pods."""
        return tuple(self._services.get(id(workload.resource), ()))

    def pods(self, service: Resource) -> tuple[Workload, ...]:
        """The workloads of any kind that a Service's selector takes in."""
        selector = service.node.get("spec", "selector").labels()
        return self._labelled.included(self.space(service), selector)

    def unjudged(self, resource: Resource, selector: Node) -> tuple[Resource, ...]:
        """The objects of kinds that no check looks at whose Pods an object's selector takes in."""
        if resource.kind == "Service":
            return self._unjudged.included(self.space(resource), selector.labels())
        return self._unjudged.selected(self.space(resource), selector)

    def taken_in(self, resource: Resource, selector: Node) -> tuple[Workload, ...]:
        """The workloads of any kind in the object's namespace that a label selector takes in.

        A NetworkPolicy without one means all Pods, as newer versions let it be written.
        """
        if resource.kind == "NetworkPolicy" and not selector.exists:
            selector = replace(selector, value={})
        return self._labelled.selected(self.space(resource), selector)

    def selected(self, resource: Resource, selector: Node) -> tuple[Workload, ...]:
        """The same, of the long-running kinds only."""
        return tuple(w for w in self.taken_in(resource, selector) if w.kind in LONG_RUNNING)

    def selecting(self, kind: str, field_: str, workload: Workload) -> tuple[Resource, ...]:
        """The objects of a kind whose LabelSelector, spec.<field>, takes in the workload's Pods."""
        found = self._selecting.get((kind, field_))
        if found is None:
            found = self._selecting[kind, field_] = defaultdict(list)
            for resource in self.of_kind(kind):
                for taken in self.taken_in(resource, resource.node.get("spec", field_)):
                    found[id(taken.resource)].append(resource)
        return tuple(found.get(id(workload.resource), ()))

    def scaler(self, workload: Workload) -> Resource | None:
        """The HPA that targets the workload."""
        return self._scalers.get((self.space(workload.resource), workload.kind, workload.resource.name))

    def scaled_by_events(self, workload: Workload) -> Resource | None:
        """The ScaledObject that targets the workload: KEDA makes an HPA of it."""
        return self._events.get((self.space(workload.resource), workload.kind, workload.resource.name))

    def replicas(self, workload: Workload) -> int:
        """How many Pods there are at the quietest: the minimum of what scales them, else replicas, else 1."""
        scaler = self.scaler(workload)
        if scaler is not None:
            return scaler.node.get("spec", "minReplicas").integer(1) or 1
        events = self.scaled_by_events(workload)
        if events is not None:
            return max(events.node.get("spec", "minReplicaCount").integer(0) or 0, 1)
        given = workload.spec.get("replicas").integer(1)
        return 1 if given is None else given

    @cached_property
    def applications(self) -> tuple[tuple[Workload, Container], ...]:
        """The containers that the Dockerfile and the source are about: all that run the application's image."""
        if not self.named_mains:
            return self.mains if self.one_application else ()
        own = {repository(container) for _, container in self.named_mains}
        return tuple(main for main in self.mains if repository(main[1]) in own)

    @cached_property
    def images(self) -> frozenset[str]:
        """The repositories of the application's image: where nothing runs on, that of the named job, or of all jobs."""
        if self.image is not None:
            return self.image
        if self.mains:
            return frozenset(repository(container) for _, container in self.applications)
        jobs = [(job.resource.name, repository(job.main)) for job in self.workloads() if job.main]
        found = {image for name, image in jobs if self.application and name == self.application}
        found = found or {image for _, image in jobs}
        return frozenset(found) if len(found) == 1 else frozenset()

    def runs_application(self, container: Container) -> bool:
        """Whether the Dockerfile is that of the container's image; of another nobody knows what it brings along."""
        return repository(container) in self.images

    @cached_property
    def one_application(self) -> bool:
        """Whether it is clear without a name whose the Dockerfile and the assessment are; true without both."""
        known = self.dockerfile is not None or self.assessed != Assessed()
        return not known or len({repository(container) for _, container in self.mains}) < 2

    @cached_property
    def named_mains(self) -> tuple[tuple[Workload, Container], ...]:
        """Of the workloads those that have the application's name."""
        return tuple(main for main in self.mains if self.application and main[0].resource.name == self.application)

    @cached_property
    def mains(self) -> tuple[tuple[Workload, Container], ...]:
        """Each long-running workload and the container that it is there for."""
        return tuple((workload, workload.main) for workload in self.workloads(*LONG_RUNNING) if workload.main)

    def assessed_of(self, workload: Workload) -> Assessed:
        """What was measured of the workload: nothing, where it is not the application's, or nobody knows."""
        return self.assessed if self._is_application(workload) else Assessed()

    def how_to_measure(self, workload: Workload) -> str:
        """What would tell what was not measured of it; of what is not the application the assessment never will."""
        own = self._is_application(workload)
        return "run 01_assessment" if own else "the assessment is of the application alone"

    def _is_application(self, workload: Workload) -> bool:
        named = [main for main, _ in self.named_mains]
        return any(workload is main for main in named) if named else self.one_application

    def instructions(self, name: str) -> list[Instruction]:
        """The instructions of that name in all stages that the image is made of; none without a Dockerfile."""
        return [i for i in self.dockerfile.final if i.name == name] if self.dockerfile else []

    def decision(self, path: str) -> str:
        """Where the profile sends what is written at a path today; empty when nobody has decided."""
        return home_of(self.assessed.decided, path)

    @cached_property
    def positions(self) -> dict[tuple[str, str, str], int]:
        """Where an object of that kind, namespace and name stands first among the resources."""
        found: dict[tuple[str, str, str], int] = {}
        for position, resource in enumerate(self.resources):
            found.setdefault((resource.kind, resource.namespace, resource.name), position)
        return found

    @cached_property
    def homonyms(self) -> frozenset[str]:
        """Titles that several objects have, because a title does not name the namespace."""
        titles = Counter(resource.title for resource in self.resources)
        return frozenset(title for title, number in titles.items() if number > 1)

    @cached_property
    def beginnings(self) -> dict[str, list[int]]:
        """The lines where objects begin, by file."""
        found: dict[str, list[int]] = defaultdict(list)
        for resource in self.resources:
            found[resource.node.file].append(resource.node.line)
        return {file: sorted(lines) for file, lines in found.items()}

    def _workload(self, resource: Resource) -> Workload:
        known = self.made.get(id(resource))
        if known is None:
            known = self.made[id(resource)] = workload_of(resource)
        return known

    @cached_property
    def _own(self) -> tuple[Resource, ...]:
        """All but somebody else's kinds that have the name of one of Kubernetes' own."""
        return tuple(resource for resource in self.resources if not foreign(resource))

    @cached_property
    def _kinds(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in self._own:
            found[resource.kind].append(resource)
        return found

    @cached_property
    def _names(self) -> dict[tuple[str, str, str], Resource]:
        """The first of each name; that a name is given twice is a finding of its own."""
        found: dict[tuple[str, str, str], Resource] = {}
        for resource in self._own:
            found.setdefault((resource.kind, self.space(resource), resource.name), resource)
        return found

    @cached_property
    def _workloads(self) -> dict[tuple[str, ...], tuple[Workload, ...]]:
        return {}

    @cached_property
    def _labelled(self) -> Labelled[Workload]:
        return Labelled((self.space(w.resource), w.labels, w) for w in self.workloads())

    @cached_property
    def _unjudged(self) -> Labelled[Resource]:
        others = (resource for resource in self.resources if self.workload(resource) is None)
        named = ((r, r.node.get("spec", "template", "metadata", "labels").labels()) for r in others)
        return Labelled((self.space(resource), labels, resource) for resource, labels in named if labels)

    @cached_property
    def _services(self) -> dict[int, list[Resource]]:
        found: dict[int, list[Resource]] = defaultdict(list)
        for service in self.of_kind("Service"):
            for workload in self.pods(service):
                found[id(workload.resource)].append(service)
        return found

    @cached_property
    def _selecting(self) -> dict[tuple[str, str], dict[int, list[Resource]]]:
        return {}

    @cached_property
    def _scalers(self) -> dict[tuple[str, str, str], Resource]:
        return self._targets("HorizontalPodAutoscaler", "")

    @cached_property
    def _events(self) -> dict[tuple[str, str, str], Resource]:
        return self._targets("ScaledObject", "Deployment")

    def _targets(self, scales: str, default: str) -> dict[tuple[str, str, str], Resource]:
        found: dict[tuple[str, str, str], Resource] = {}
        for scaler in self.of_kind(scales):
            target = scaler.node.get("spec", "scaleTargetRef")
            found.setdefault((self.space(scaler), target.get("kind").text(default), target.get("name").text()), scaler)
        return found
