"""How nginx' file is changed, whatever is changed in it: compare, write, test, reload, read back; or by a commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.act.traffic import git
from runbook_lib.act.traffic.nginx import file
from runbook_lib.act.traffic.nginx.file import Place
from runbook_lib.act.traffic.nginx.workers import drained, workers
from runbook_lib.clients import Clients
from runbook_lib.errors import ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change, now
from runbook_lib.sections.traffic import GitOps, Nginx


@dataclass(frozen=True)
class Edit:
    """``write`` makes the new file of the old one, or refuses; ``show`` is what a file says, ``said`` says it: 5 %.

    ``ending`` makes a sentence of that. ``urgent``: the way back; what is right stays in the file even when nginx
    does not take it up.
    """

    what: str
    write: Callable[[bytes], bytes]
    show: Callable[[bytes], Any]
    said: Callable[[Any], str]
    ending: str
    urgent: bool = False


def carry_out(nginx: Nginx, clients: Clients, edit: Edit) -> Change:
    """Change the file, where it is or in the repository that it comes from; ChangeFailed says what stands now."""
    if nginx.git:
        return _committed(nginx, nginx.git, clients, edit)
    with file.opened(nginx) as place:
        before = place.read()
        after = edit.write(before)
        old, new = edit.show(before), edit.show(after)
        if after == before:
            return _reloaded(place, nginx, edit, old)
        watched = {} if nginx.machine else workers()
        try:
            _taken_up(place, nginx, edit, before, after)
            stands = place.read()
        except Unreachable as error:
            raise ChangeFailed(f"{error}; {_found_after_loss(nginx, edit, old, new)}") from None
        if (shows := _told(edit, stands)) != edit.said(new):
            raise ChangeFailed(
                f"{place.name} says {shows} after writing {edit.said(new)}: somebody else edits it; look at it"
            )
        notes = [
            drained(watched, 0.3 if edit.urgent else 1.0),
            "somebody else changed the file, too" if stands != after else "",
        ]
        return Change(edit.what, old, new, True, now(), "; ".join(filter(None, notes)))


def as_expected(stands: Any, weight: int, expected: int | None, file: str) -> None:
    """ChangeFailed when another weight stands than the one that was read; the way back expects nothing."""
    if weight and expected is not None and stands != expected:
        raise ChangeFailed(
            f"{file}: somebody else moved the users from {expected} % to {stands} % since it was read; nothing was "
            "changed, look who it was and run again"
        )


def held(text: bytes) -> dict[str, str]:
    """Bytes of a file as JSON can hold them, exactly."""
    try:
        return {"text": text.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"text": text.decode("latin-1"), "encoding": "latin-1"}


def held_bytes(kept: Mapping[str, str]) -> bytes:
    """The bytes again."""
    return kept["text"].encode(kept["encoding"])


def preflight(nginx: Nginx, clients: Clients) -> None:
    """Unreachable or BadParameters when the file could not be changed now."""
    if nginx.git:
        git.preflight(nginx.git, clients)
        file.read(nginx)
    else:
        file.preflight(nginx, clients)


def _reloaded(place: Place, nginx: Nginx, edit: Edit, stands: Any) -> Change:
    """An earlier run may have died between write and reload."""
    try:
        place.run(nginx.reload, "reload")
    except ChangeFailed as error:
        raise ChangeFailed(
            f"{error}; {place.name} says {edit.said(stands)} already, but whether nginx runs that is not known: mend "
            f"it, then type {file.typed(nginx, nginx.reload)}"
        ) from None
    return Change(edit.what, stands, stands, False, now(), "was already so; reloaded to be sure")


def _taken_up(place: Place, nginx: Nginx, edit: Edit, before: bytes, after: bytes) -> None:
    """Write, test, reload; what nginx does not take up is put back, but on the way back it stays when it is right."""
    place.replace(before, after)
    old, new = (edit.said(edit.show(text)) for text in (before, after))
    try:
        place.run(nginx.test, "test")
    except ChangeFailed as error:
        _put_back(place, before, after, error)
        if edit.urgent and not _succeeds(place, nginx.test, "test"):
            # the fault is not in what we wrote: whoever mends it and reloads must not bring the users forward again
            place.replace(before, after)
            raise ChangeFailed(f"{error}; {_waits(place, nginx, old, new)}") from None
        raise ChangeFailed(f"{error}; {place.name} is as it was, {old} {edit.ending}") from None
    try:
        place.run(nginx.reload, "reload")
    except ChangeFailed as error:
        if edit.urgent:
            raise ChangeFailed(f"{error}; {_waits(place, nginx, old, new)}") from None
        _put_back(place, before, after, error)
        stands = f"{place.name} is as it was, {old} {edit.ending}"
        if not _succeeds(place, nginx.reload, "reload"):  # a reload that only came late may have worked
            stands = f"{place.name} is as it was, but nginx may run {old} or {new}: look at it and reload it"
        raise ChangeFailed(f"{error}; {stands}") from None


def _put_back(place: Place, before: bytes, after: bytes, why: ChangeFailed) -> None:
    try:
        place.replace(after, before)
    except ChangeFailed as error:
        raise ChangeFailed(f"{why}; what stood could not be put back ({error}): look at {place.name} now") from None


def _waits(place: Place, nginx: Nginx, old: str, new: str) -> str:
    return (
        f"{place.name} says {new} and stays so, but nginx may still run {old}: mend it, then type "
        f"{file.typed(nginx, nginx.reload)}"
    )


def _succeeds(place: Place, argv: list[str], what: str) -> bool:
    try:
        place.run(argv, what)
    except ChangeFailed:
        return False
    return True


def _told(edit: Edit, text: bytes) -> str:
    try:
        return edit.said(edit.show(text))
    except RunbookError as error:
        return str(error)


def _found_after_loss(nginx: Nginx, edit: Edit, old: Any, new: Any) -> str:
    """What the file says, asked anew; else how somebody can look."""
    reload = file.typed(nginx, nginx.reload)
    try:
        name, text = file.read(nginx)
    except Unreachable:
        look = file.typed(nginx, ["cat", nginx.config])
        return (
            f"it is not known whether {edit.said(old)} or {edit.said(new)} stands: look with {look}, then run it "
            f"again, or type {reload}"
        )
    return f"{name} says now: {_told(edit, text)}; whether nginx runs that is not known: run it again, or type {reload}"


def _committed(nginx: Nginx, repository: GitOps, clients: Clients, edit: Edit) -> Change:
    """By a commit: the platform takes it to the machine and reloads; live is what the machine's file says."""
    name, text = file.read(nginx)
    old, wanted = edit.show(text), edit.said(edit.show(edit.write(text)))  # refused before anything is committed
    message = f"{repository.file}: {edit.what} {edit.said(old)} -> {wanted}"
    pushed = git.commit(repository, clients, edit.write, message, edit.urgent)
    new = edit.show(pushed.after)

    def stands() -> str:
        found = _told(edit, file.read(nginx)[1])  # half written by the platform, it may be no configuration yet
        return "" if found == edit.said(new) else f"{name} still says {found}"

    waited = git.until_live(repository, pushed, stands)
    return Change(edit.what, old, new, pushed.done or old != new, now(), git.told(repository, pushed, waited))
