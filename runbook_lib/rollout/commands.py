"""`runbook rollout …`: each act on the rollout is an attempt of its own, with a record, whoever watches meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from runbook_lib.act import rollout as acts
from runbook_lib.act.abort import abort, left
from runbook_lib.clients import connect
from runbook_lib.errors import RunbookError, Unwritable
from runbook_lib.model import Change
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.explain import troubles
from runbook_lib.observe.workload.rollout import ABORTED, BATCHES, Progress, deployment, note, progress, with_new
from runbook_lib.observe.workload.trouble import grouped
from runbook_lib.observe.workload.wait import may_become_ready
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run
from runbook_lib.record.begin import file_alone, open_attempt
from runbook_lib.record.identity import who
from runbook_lib.rollout.take_back import see_it_gone, take_back

FOLLOWING = "03_pilot_deploy.ipynb"
Say = Callable[[str], object]


def pause(parameters: Parameters, say: Say) -> None:
    """Hold the rollout where it is, on record."""
    _changed(parameters, "pause", say, lambda cluster, name: acts.pause(cluster, name, _by(parameters)))


def resume(parameters: Parameters, say: Say, whole: bool = False) -> None:
    """Let the rollout go on, on record."""
    _changed(parameters, "resume", say, lambda cluster, name: acts.resume(cluster, name, whole))


def take_it_back(parameters: Parameters, say: Say) -> None:
    """Abort the rollout and look until nothing of it is left; done all the same where it cannot be put on record."""
    shown: set[str] = set()

    def show(state: Progress, why: object) -> None:
        if (text := str(state)) not in shown:
            shown.add(text)
            say(text)

    def act(run: Run, cluster: Cluster) -> str:
        return take_back(run, cluster, _by(parameters), show).message

    try:
        _recorded(parameters, "abort", say, act)
    except (OSError, Unwritable) as error:
        cluster, name = _cluster(parameters), parameters.kubernetes.deployment
        change = abort(cluster, name, _by(parameters))
        say(f"{change.what}: {change.note}")
        if change.after:
            seconds = parameters.kubernetes.rollout_timeout.total_seconds()
            say(see_it_gone(cluster, name, seconds, show).message)
        raise Unwritable(f"it is aborted, but this is not on record: {error}") from None


def status(parameters: Parameters, say: Say) -> Progress:
    """Tell how the rollout stands, who wrote it, what keeps it and what it may still do; nothing is changed."""
    cluster, name = _cluster(parameters), parameters.kubernetes.deployment
    live = deployment(cluster, name)
    state = with_new(cluster, progress(live))
    say(f"{state}; its template was written by {state.author}")
    if batches := note(live, BATCHES):
        say(f"in batches: {batches.get('to')} of {state.wanted} Pods are to be new now")
    if state.held:
        say(f"paused by {state.held}")
    if told := note(live, ABORTED):
        others = left(cluster, name)
        said = f"still there: {', '.join(others)}" if others else "no Pod of it exists"
        say(f"revision {told.get('revision')} was aborted by {told.get('by')} at {told.get('at')}; {said}")
    for trouble in grouped(troubles(cluster, name)):
        say(f"- {trouble}")
    say(may_become_ready(state))
    return state


def _changed(parameters: Parameters, mode: str, say: Say, act: Callable[[Cluster, str], Change]) -> None:
    def once(run: Run, cluster: Cluster) -> str:
        name = parameters.kubernetes.deployment
        change = run.change(f"{mode} the rollout", lambda: act(cluster, name))
        after = may_become_ready(progress(deployment(cluster, name)))
        return "; ".join(part for part in (change.what, change.note, after) if part)

    _recorded(parameters, mode, say, once)


def _recorded(parameters: Parameters, mode: str, say: Say, act: Callable[[Run, Cluster], str]) -> None:
    """Act in an attempt of its own and file it, however it ends."""
    step = ("pilot_deploy", None, mode)
    folder = open_attempt(parameters, step, None, "command")
    run = Run(parameters, folder, step)
    error: RunbookError | None = None
    try:
        message = act(run, Cluster(run.connect().kubernetes, parameters.kubernetes.namespace))
        run.event("finished", message=message)
    except RunbookError as stopped:
        error, message = stopped, str(stopped)
    finally:
        run.close()
    filed = file_alone(folder, type(error).__name__ if error else None, message, FOLLOWING)
    if filed.unsigned:
        say(f"its record is not signed: {filed.unsigned}")
    if error is not None:
        raise error
    say(message)
    say(f"record: {folder / 'record.json'}")


def _cluster(parameters: Parameters) -> Cluster:
    return Cluster(connect(parameters).kubernetes, parameters.kubernetes.namespace)


def _by(parameters: Parameters) -> str:
    return str(who(parameters, "rollback")["name"])
