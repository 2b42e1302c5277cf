"""Every check: a sound set of manifests passes it, and the damage it is about makes it, and nothing unrelated, fail."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from runbook_lib.artefacts import Assessed, Demanded, Policy
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.workload.judge import Report, check_manifests, verdicts
from runbook_lib.judge.workload.mend import mended
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome
from runbook_lib.observe.files.manifests import parse_manifests

GOOD = (Path(__file__).parent / "good.yaml").read_text()
DOCKERFILE = 'FROM registry.example/base:1.2\nUSER 10001\nEXPOSE 8080\nENV LANG=C.UTF-8\nENTRYPOINT ["/shop"]\n'
ASSESSED = Assessed(
    ports=(8080,),
    start_seconds=40.0,
    drain_seconds=20.0,
    cpu_request=0.2,
    memory_mib=500.0,
    replicas=6,
    time_zone="Asia/Shanghai",
    rpo_seconds=86400.0,
    demands=(
        Demanded("session", "blocking", "a session store", ("A.java:3",)),
        Demanded("local-file", "blocking", "a volume", ("B.java:7",), ("/data/out",)),
        Demanded("cron", "blocking", "a CronJob", ("crontab:1",)),
        Demanded("identity", "warning", "downward API", ("C.java:1",)),
        Demanded("log-file", "warning", "console", ("logback.xml:2",), ("/var/log/shop.log",)),
        Demanded("fixed-address", "blocking", "a name", ("D.java:4",)),
        Demanded("secret", "blocking", "a Secret", ("E.py:4",)),
        Demanded("time-zone", "warning", "TZ", ("F.java:4",)),
    ),
)


def judged(
    text: str, assessed: Assessed = ASSESSED, dockerfile: str = DOCKERFILE, policy: Policy | None = None
) -> Report:
    manifests = parse_manifests(text, "good.yaml")
    world = World(manifests.resources, parse_dockerfile(dockerfile, "Dockerfile"), assessed, policy or Policy(), "web")
    return check_manifests(world, manifests)


def failed(report: Report) -> set[str]:
    return {finding.check for finding in report.findings if finding.outcome is Outcome.FAIL}


def edited(old: str, new: str, text: str = GOOD) -> str:
    assert old in text, f"the sample has no {old!r}"
    return text.replace(old, new, 1)


# check, what stands in the sound sample, what takes its place, other checks that rightly fail with it
DAMAGES: list[tuple[str, str, str, set[str]]] = [
    ("readiness-probe", "readinessProbe:", "xReadinessProbe:", set()),
    ("liveness-probe", "livenessProbe:", "xLivenessProbe:", set()),
    ("probe-port", "path: /healthz, port: http}", "path: /healthz, port: web}", {"probes-identical"}),
    ("probe-port", "path: /healthz, port: http}", "path: /healthz, port: 9090}", {"probes-identical"}),
    ("startup-budget", "failureThreshold: 24", "failureThreshold: 4", set()),
    ("probes-identical", "periodSeconds: 10\n            failureThreshold: 6", "periodSeconds: 5\n            failureThreshold: 2", set()),
    ("probe-form", "periodSeconds: 10\n", "successThreshold: 3\n            periodSeconds: 10\n", set()),
    ("probe-form", "livenessProbe:\n            httpGet: {path: /healthz, port: http}", "livenessProbe:\n            exec: {command: [a]}\n            httpGet: {path: /healthz, port: http}", set()),
    ("prestop", "preStop:", "xPreStop:", set()),
    ("graceful-stop", "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 25", set()),
    ("graceful-stop", "seconds: 5\n", "seconds: 40\n", set()),
    ("signal-reaches", "- name: shop\n          image:", "- name: shop\n          command: [sh, -c, 'cd /app && ./shop']\n          image:", set()),
    ("replicas", "minReplicas: 3", "minReplicas: 1", {"hpa-bounds"}),
    ("rollout-arithmetic", "maxSurge: 1", "maxSurge: 0%", set()),
    ("rollout-arithmetic", "maxUnavailable: 0", "maxUnavailable: 100%", set()),
    ("rollout-strategy", "type: RollingUpdate", "type: Recreate", {"strategy-form"}),
    ("rollout-strategy", "[ReadWriteMany]", "[ReadWriteOnce]", {"claim-shared"}),
    ("revision-history", "revisionHistoryLimit: 5", "revisionHistoryLimit: 0", set()),
    ("progress-deadline", "progressDeadlineSeconds: 300", "progressDeadlineSeconds: 60", set()),
    ("min-ready", "minReadySeconds: 5", "minReadySeconds: 0", set()),
    ("replicas-and-hpa", "minReadySeconds: 5", "replicas: 3\n  minReadySeconds: 5", set()),
    ("cpu-request", "requests: {cpu: 200m, memory: 512Mi}", "requests: {memory: 512Mi}", {"hpa-requests"}),
    ("memory-limit", "limits: {memory: 512Mi}", "limits: {}", set()),
    ("memory-request", "requests: {cpu: 200m, memory: 512Mi}\n            limits: {memory: 512Mi}", "requests: {cpu: 200m}", {"memory-limit"}),
    ("quantity", "limits: {memory: 512Mi}", "limits: {memory: 1GB}", set()),
    ("quantity", "requests: {cpu: 200m, memory: 512Mi}", "requests: {cpu: 200m, memory: 512m}", {"memory-lent", "size-fits"}),
    ("quantity", "requests: {cpu: 200m, memory: 512Mi}", "requests: {cpu: 2000, memory: 512Mi}", {"size-fits"}),
    ("request-limit-order", "limits: {memory: 512Mi}", "limits: {memory: 502Mi}", set()),
    ("size-fits", "requests: {cpu: 200m, memory: 512Mi}", "requests: {cpu: 50m, memory: 512Mi}", set()),
    ("size-fits", "requests: {cpu: 200m, memory: 512Mi}", "requests: {cpu: 900m, memory: 512Mi}", set()),
    ("image-fixed", "image: registry.example/shop:main-4f2a91c-20261112", "image: registry.example/shop:latest", {"image-together", "pull-policy"}),
    ("image-fixed", "image: registry.example:5000/proxy:main-1a2b3c4d-20261101", "image: registry.example:5000/proxy", set()),
    ("image-tag-policy", "shop:main-4f2a91c-20261112", "shop:v2", {"image-together"}),
    ("pull-policy", "imagePullPolicy: IfNotPresent", "imagePullPolicy: Never", set()),
    ("registry", "image: registry.example/shop:", "image: shop:", set()),
    ("non-root", "runAsNonRoot: true", "runAsNonRoot: false", set()),
    ("privilege-escalation", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", set()),
    ("privileged", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: false\n            privileged: true", {"privilege-escalation"}),
    ("capabilities", "capabilities: {drop: [ALL]}", "capabilities: {drop: [NET_RAW]}", set()),
    ("capabilities", "capabilities: {drop: [ALL]}", "capabilities: {drop: [ALL], add: [SYS_ADMIN]}", set()),
    ("read-only-root", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", {"ephemeral-storage"}),
    ("seccomp", "type: RuntimeDefault", "type: Unconfined", set()),
    ("account-token", "automountServiceAccountToken: false", "automountServiceAccountToken: true", set()),
    ("host-namespaces", "enableServiceLinks: false", "enableServiceLinks: false\n      hostNetwork: true", set()),
    ("host-namespaces", "containerPort: 8080", "containerPort: 8080\n              hostPort: 8080", set()),
    ("pdb", "kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", {"kind-known"}),
    ("pdb-allows", "maxUnavailable: 1\n  selector", "minAvailable: 100%\n  selector", set()),
    ("pdb-allows", "maxUnavailable: 1\n  selector", "minAvailable: 3\n  selector", {"capacity-kept"}),
    ("hpa-target", "kind: Deployment\n    name: shop", "kind: Deployment\n    name: shops", {"replicas", "replicas-for-peak", "pdb-allows"}),
    ("hpa-bounds", "maxReplicas: 9", "maxReplicas: 2", {"replicas-for-peak"}),
    ("replicas-for-peak", "maxReplicas: 9", "maxReplicas: 5", set()),
    ("spread", "topologySpreadConstraints:", "xTopologySpreadConstraints:", set()),
    ("selector", "labels:\n        app: shop", "labels:\n        app: shops", {"network-policy", "network-policy-target", "pdb", "pdb-target", "service-pods", "spread-own"}),
    ("service-pods", "selector:\n    app: shop", "selector:\n    app: shops", set()),
    ("service-port", "targetPort: http", "targetPort: web", {"network-policy-ingress"}),
    ("route-backend", "- name: shop\n          port: 80", "- name: shop\n          port: 8080", set()),
    ("route-backend", "- name: shop\n          port: 80", "- name: shops\n          port: 80", set()),
    ("network-policy", "kind: NetworkPolicy", "kind: NetworkPolicies", set()),
    ("network-policy-ingress", "- port: http", "- port: 9090", set()),
    ("network-policy-dns", "port: 53", "port: 54", set()),
    ("network-policy-target", "podSelector:\n    matchLabels:\n      app: shop", "podSelector:\n    matchLabels:\n      app: shops", {"network-policy"}),
    ("monitoring", 'prometheus.io/scrape: "true"', 'prometheus.io/scrape: "false"', set()),
    ("reference", "configMapRef:\n                name: shop", "configMapRef:\n                name: shops", {"source-control", "session-affinity"}),
    ("reference", "key: password", "key: passwords", set()),
    ("reference", "claimName: shop", "claimName: shops", set()),
    ("secret-in-env", "value: /etc/shop/password", "value: /etc/shop/password\n            - name: API_TOKEN\n              value: abcd", set()),
    ("secret-in-env", "value: /etc/shop/password", "value: /etc/shop/password\n            - name: DSN\n              value: postgres://shop:hunter2@db/x", set()),
    ("secret-in-configmap", "LOG_TO: console", "LOG_TO: console\n  api-key: abcd", set()),
    ("secret-in-configmap", "LOG_TO: console", "LOG_TO: console\n  app.properties: |\n    db.password=hunter2", set()),
    ("duplicate-env", "- name: POD_NAME\n", "- name: TZ\n              value: Asia/Shanghai\n            - name: POD_NAME\n", set()),
    ("config-change", "checksum/config", "other/config", set()),
    ("host-path", "emptyDir:\n            sizeLimit: 64Mi", "hostPath:\n            path: /var/lib/shop", set()),
    ("mounts", "- name: scratch\n              mountPath: /tmp", "- name: other\n              mountPath: /tmp", set()),
    ("mounts", "- name: data\n              mountPath: /data", "- name: data\n              mountPath: /data\n            - name: scratch\n              mountPath: /data", set()),
    ("scratch-bounded", "emptyDir:\n            sizeLimit: 64Mi", "emptyDir: {}", {"ephemeral-storage"}),
    ("scratch-no-state", "persistentVolumeClaim:\n            claimName: shop", "emptyDir:\n            sizeLimit: 1Gi", set()),
    ("time-zone", "value: Asia/Shanghai", "value: Etc/UTC", set()),
    ("dns-config", 'value: "2"', 'value: "5"', set()),
    ("dns-config", "- name: single-request-reopen", "- name: edns0", set()),
    ("session-affinity", "REDIS_URL:", "OTHER_URL:", {"source-control"}),
    ("restart-policy", "restartPolicy: Never", "restartPolicy: Always", set()),
    ("cron-job", "concurrencyPolicy: Forbid", "concurrencyPolicy: Allow", set()),
    ("cron-job", "  timeZone: Asia/Shanghai\n", "", set()),
    ("port-join", "containerPort: 8080", "containerPort: 8090", set()),
    ("writable-paths", "- name: data\n              mountPath: /data", "- name: data\n              mountPath: /other", {"source-control"}),
    ("source-control", "fieldPath: metadata.name", "fieldPath: spec.nodeName", set()),
    ("source-control", "LOG_TO: console", "OTHER: console", set()),
    ("api-version", "apiVersion: policy/v1", "apiVersion: policy/v1beta1", set()),
    ("type", "minReadySeconds: 5", 'minReadySeconds: "5"', {"min-ready"}),
    ("type", "value: Asia/Shanghai", "value: 8", {"time-zone"}),
    ("name", "name: report\n  namespace", "name: Report_1\n  namespace", set()),
    ("name", "kind: CronJob\nmetadata:\n  name: report", "kind: Service\nmetadata:\n  name: shop", {"api-version", "service-form", "service-pods", "source-control"}),
]  # fmt: skip


def test_a_sound_set_of_manifests_has_no_failed_and_no_open_finding() -> None:
    report = judged(GOOD)
    assert [f"{f.check}: {f.message}" for f in report.findings if f.outcome is not Outcome.PASS] == []
    assert [v.outcome for v in verdicts(report.findings)] == [Outcome.PASS] * 3


@pytest.mark.parametrize(("check", "old", "new", "also"), DAMAGES, ids=[f"{d[0]}-{n}" for n, d in enumerate(DAMAGES)])
def test_the_damage_a_check_is_about_makes_it_fail_and_nothing_unrelated(
    check: str, old: str, new: str, also: set[str]
) -> None:
    found = failed(judged(edited(old, new)))
    assert check in found
    assert found - {check} <= also


# What needs more than one line of manifest: its own assessment, Dockerfile or objects.
def test_an_image_that_names_its_user_cannot_satisfy_run_as_non_root() -> None:
    named = DOCKERFILE.replace("USER 10001", "USER shop")
    assert failed(judged(GOOD, dockerfile=named)) == {"user-join"}
    with_number = edited(
        "runAsNonRoot: true", "runAsNonRoot: true\n        runAsUser: 10001\n        runAsGroup: 10001"
    )
    assert failed(judged(with_number, dockerfile=named)) == set()


@pytest.mark.parametrize(
    ("options", "runtime", "outcome"),
    [
        ("-Xmx300m", "java 11", set()),
        ("-Xmx450m", "java 11", {"java-heap"}),
        ("-XX:MaxRAMPercentage=75.0", "java 17", set()),
        ("-XX:MaxRAMPercentage=90", "java 17", {"java-heap"}),
        ("-server", "java 1.8.0_181", {"java-heap"}),
        ("-server", "java 1.8.0_291", {"java-heap"}),
    ],
)
def test_the_java_heap_is_held_against_the_memory_limit(options: str, runtime: str, outcome: set[str]) -> None:
    text = edited(
        "- name: POD_NAME\n",
        f"- name: JAVA_TOOL_OPTIONS\n              value: {options} -XX:ActiveProcessorCount=2\n            - name: POD_NAME\n",
    )
    assert failed(judged(text, replace(ASSESSED, runtime=runtime))) == outcome


def test_a_stateful_set_needs_its_headless_service() -> None:
    text = edited("kind: Deployment\n", "kind: StatefulSet\n").replace(
        "kind: Deployment\n    name", "kind: StatefulSet\n    name"
    )
    assert "stateful-names" in failed(judged(text))
    headless = edited("spec:\n  selector:\n    app: shop", "spec:\n  clusterIP: None\n  selector:\n    app: shop", text)
    assert "stateful-names" not in failed(judged(headless.replace("minReadySeconds: 5", "serviceName: shop", 1)))


def test_variables_that_kubernetes_sets_itself_are_a_clash() -> None:
    text = edited("enableServiceLinks: false", "hostname: shop")
    image = DOCKERFILE.replace("LANG=C.UTF-8", "LANG=C.UTF-8 SHOP_PORT=8080")
    assert "service-links" in failed(judged(text, dockerfile=image))
    assert "service-links" not in failed(judged(text.replace("name: POD_NAME", "name: SHOP_PORT"), dockerfile=image))


def test_a_pod_without_requests_is_best_effort() -> None:
    text = GOOD.replace("requests: {cpu: 200m, memory: 512Mi}", "requests: {}").replace(
        "limits: {memory: 512Mi}", "limits: {}"
    )
    text = text.replace("requests: {cpu: 20m, memory: 32Mi}", "requests: {}").replace(
        "limits: {memory: 32Mi}", "limits: {}"
    )
    assert "qos-class" in failed(judged(text))


def test_an_autoscaler_without_a_request_to_divide_by_never_scales() -> None:
    text = edited("requests: {cpu: 20m, memory: 32Mi}", "requests: {memory: 32Mi}")
    assert "hpa-requests" in failed(judged(text))


def test_without_an_assessment_the_joins_are_open_and_nothing_passes_by_silence() -> None:
    report = judged(GOOD, Assessed())
    unknown = {f.check for f in report.findings if f.outcome is Outcome.INCONCLUSIVE}
    assert {"startup-budget", "graceful-stop", "replicas-for-peak"} <= unknown
    assert {"size-fits", "source-control"} <= {check.id for check in report.not_applicable}


@pytest.mark.parametrize(
    ("topic", "outcome"),
    [
        ("limits", Outcome.INCONCLUSIVE),
        ("native", Outcome.INCONCLUSIVE),
        ("signal", Outcome.PASS),
        ("registry", Outcome.PASS),
        ("sysctl", Outcome.FAIL),
        ("cpu-count", Outcome.FAIL),
        ("scratch", Outcome.PASS),
        ("multicast", Outcome.FAIL),
    ],
)
def test_every_topic_of_the_source_is_answered_asked_or_said_to_be_open(topic: str, outcome: Outcome) -> None:
    only = replace(ASSESSED, demands=(Demanded(topic, "warning", "a control", ("A.java:3",)),))
    seen = [f for f in judged(GOOD, only).findings if f.check == "source-control"]
    assert [(f.outcome, "A.java:3" in f.message) for f in seen] == [(outcome, True)]


def test_a_path_that_the_profile_sends_elsewhere_needs_no_volume() -> None:
    text = edited("- name: data\n              mountPath: /data", "- name: data\n              mountPath: /other")
    assert failed(judged(text, replace(ASSESSED, decided={"/data": "object store"}))) == set()


def test_every_patch_that_is_shown_mends_its_finding() -> None:
    shown = 0
    for _, old, new, _ in DAMAGES:
        text = edited(old, new)
        manifests = parse_manifests(text, "good.yaml")
        world = World(manifests.resources, parse_dockerfile(DOCKERFILE, "Dockerfile"), ASSESSED, Policy(), "web")
        before = check_manifests(world)
        for finding in before.findings:
            if finding.mend and finding.outcome is Outcome.FAIL:
                after = check_manifests(mended(world, yaml.safe_load(finding.mend)))
                same = [
                    f
                    for f in after.findings
                    if (f.check, f.object, f.message) == (finding.check, finding.object, finding.message)
                ]
                assert not any(f.outcome is Outcome.FAIL for f in same), finding
                shown += 1
    assert shown >= 25


def test_a_policy_switches_a_check_off_and_changes_a_severity() -> None:
    damaged = edited("revisionHistoryLimit: 5", "revisionHistoryLimit: 0")
    assert failed(judged(damaged, policy=Policy(off=("revision-history",)))) == set()
    mild = judged(damaged, policy=Policy(severities={"revision-history": "info"}))
    assert [v.outcome for v in verdicts(mild.findings)] == [Outcome.PASS] * 3


def test_every_finding_says_where_it_is() -> None:
    for _, old, new, _ in DAMAGES:
        for finding in judged(edited(old, new)).findings:
            assert finding.file, finding
            assert finding.line > 0, finding


# The known mistakes of others.
RIGHT_AS_IT_IS: list[tuple[str, str, str, str]] = [
    ("rollout-strategy", "strategy:\n    type: RollingUpdate\n", "strategy:\n", "an unset strategy is RollingUpdate"),
    ("probes-identical", "", "", "identical probes are fine when liveness gives up later"),
    ("secret-in-env", "value: /etc/shop/password", "value: /run/secrets/password", "*_FILE holds a path, no secret"),
    ("image-fixed", "shop:main-4f2a91c-20261112", "shop@sha256:" + "a" * 64, "a digest is fixed"),
    ("pull-policy", "shop:main-4f2a91c-20261112", "shop@sha256:" + "a" * 64, "IfNotPresent with a digest is fine"),
    ("readiness-probe", "- name: proxy\n", "- name: proxy2\n", "init containers need no probes"),
    ("reference", "", "", "references are looked for across all objects given"),
]


@pytest.mark.parametrize(("check", "old", "new", "why"), RIGHT_AS_IT_IS, ids=[row[3] for row in RIGHT_AS_IT_IS])
def test_what_others_call_wrong_and_is_right_passes(check: str, old: str, new: str, why: str) -> None:
    assert check not in failed(judged(edited(old, new) if old else GOOD)), why


def test_a_budget_on_one_replica_blocks_every_drain() -> None:
    text = edited("kind: Deployment\n    name: shop", "kind: Deployment\n    name: other")
    text = edited("maxUnavailable: 1\n  selector", "minAvailable: 1\n  selector", text)
    assert "pdb-allows" in failed(judged(text))


def test_budget_selectors_are_and_not_or() -> None:
    text = edited(
        "maxUnavailable: 1\n  selector:\n    matchLabels:\n",
        "maxUnavailable: 1\n  selector:\n    matchLabels:\n      tier: web\n",
    )
    assert "pdb" in failed(judged(text))


def test_unset_replicas_are_one() -> None:
    text = edited("kind: HorizontalPodAutoscaler", "kind: Lease")
    assert "replicas" in failed(judged(text))
    assert "replicas" not in failed(judged(edited("minReadySeconds: 5", "replicas: 2\n  minReadySeconds: 5", text)))


def test_a_registry_with_a_port_is_no_tag() -> None:
    text = edited("image: registry.example/shop:main-4f2a91c-20261112", "image: registry:5000/shop")
    messages = [f.message for f in judged(text).findings if f.check == "image-fixed" and f.outcome is Outcome.FAIL]
    assert messages == ["registry:5000/shop has no tag: it means latest"]
