"""Draws what each application of a made-up fleet is like, before anything of it is written."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from . import hosts
from .facts import RUNTIMES, Box
from .sources import features

STORIES: dict[str, tuple[int, str, str]] = {
    # how often, state class, mode
    "clean": (5, "stateless", "re-host"),
    "configured": (9, "stateless", "re-platform"),
    "sessions": (4, "sessions", "refactor"),
    "shared sessions": (4, "stateless", "refactor"),
    "files": (5, "local files", "refactor"),
    "decided files": (4, "stateless", "refactor"),
    "cache": (5, "cache", "re-host"),
    "remote objects": (2, "stateless", "not yet"),
    "database": (2, "database", "stays outside"),
    "no source": (2, "unknown", "unknown"),
}
NEEDS = {
    "sessions": "session",
    "shared sessions": "session",
    "files": "local-file",
    "decided files": "local-file",
    "cache": "cache",
    "remote objects": "rpc",
}
"""The topic that makes the story; what has no template for it cannot live it."""
QUIET = frozenset(("session", "local-file", "cache", "rpc"))
"""Topics that make a story and are never planted beside it."""
INFORMING = frozenset(("mail", "port", "root", "scratch"))
"""Topics that a move takes note of and that change nothing about how it is done."""
LANGUAGES = ("java", "python", "go", "javascript", "php", "shell")
SERVICES = (
    "order", "stock", "invoice", "member", "coupon", "price", "search", "cart", "delivery", "refund", "ledger",
    "settlement", "report", "catalog", "message", "risk", "audit", "supplier", "warehouse", "loyalty",
)  # fmt: skip
CHINESE = ("订单中心", "库存服务", "会员中心", "支付网关", "报表平台", "消息推送", "结算系统", "供应商门户")
LINES = ("零售", "供应链", "金融", "基础平台")
TEAMS = ("张伟", "王芳", "李娜", "刘洋", "陈静", "platform team", "shop orders", "finance IT")
CRITICALITIES = ("high", "medium", "low")


@dataclass(frozen=True)
class Draft:
    """One application as it was drawn."""

    number: int
    name: str
    story: str
    language: str
    topics: tuple[str, ...]
    boxes: tuple[Box, ...]
    owner: str | None
    line: str
    criticality: str
    port: int
    has_profile: bool
    fact_names: bool
    """Whether the hosts themselves say whose they are."""
    conflicts: frozenset[str]
    days: float
    """Days of use on record; 0: none."""


class Deck:
    """Deals languages and topics like cards: none comes again before all others have come."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._cards: dict[tuple[str, ...], list[str]] = {}

    def deal(self, of: Iterable[str], what: str = "") -> str:
        """One of the cards; there is a pack of them for each ``what``."""
        cards = (what, *sorted(of))
        if not self._cards.get(cards):
            self._cards[cards] = self._chance.sample(cards[1:], len(cards) - 1)
        return self._cards[cards].pop()

    def hand(self, of: Iterable[str], count: int) -> list[str]:
        """So many different cards, or all there are."""
        cards = frozenset(of)
        found: dict[str, None] = {}
        while len(found) < min(count, len(cards)):
            found[self.deal(cards)] = None
        return list(found)


def draft(number: int, chance: random.Random, deck: Deck) -> Draft:
    """One application; the stories go round, so that a small fleet has all of them."""
    round_ = [story for story, (often, _, _) in STORIES.items() for _ in range(often)]
    story = round_[number * 11 % len(round_)]
    can = [name for name in LANGUAGES if NEEDS.get(story, "identity") in features(name)]
    language = deck.deal(can, NEEDS.get(story, ""))
    name = _name(number)
    port = 8000 + number % 900
    owner = None if number % 11 == 7 else chance.choice(TEAMS)
    has_profile = story in ("shared sessions", "decided files") or number % 3 == 0
    conflicts = frozenset(_conflicts(number, owner, has_profile))
    fact_names = number % 4 != 1 or "port" in conflicts
    box = _box(number, language, chance)
    if fact_names:
        box = replace(box, application={"name": name, "port": port, "user": "app", "version": f"4.{number % 17}.2"})
    boxes = hosts.boxes(box, chance, drifting=number % 6 > 0)
    return Draft(
        number=number, name=name, story=story, language=language, topics=_topics(story, language, chance, deck),
        boxes=boxes, owner=owner, line=LINES[number % len(LINES)],
        criticality=CRITICALITIES[number % 5 % 3], port=port, has_profile=has_profile, fact_names=fact_names,
        conflicts=conflicts, days=0.0 if number % 29 == 11 else 5.0 if number % 13 == 4 else 14.0 + number % 3,
    )  # fmt: skip


def _name(number: int) -> str:
    if number % 12 == 5:
        return f"{CHINESE[number // 12 % len(CHINESE)]}-{number:04}"
    if number % 12 == 9:
        return f"{SERVICES[number % len(SERVICES)].upper()}_{number:04}"
    return f"{SERVICES[number % len(SERVICES)]}-service-{number:04}"


def _conflicts(number: int, owner: str | None, has_profile: bool) -> list[str]:
    """The keys in which two sources disagree: profile and table about the owner, table and host about the port."""
    return ["owner"] * (has_profile and owner is not None and number % 2 == 0) + ["port"] * (number % 8 == 2)


def _topics(story: str, language: str, chance: random.Random, deck: Deck) -> tuple[str, ...]:
    """What is planted: the story's own topic, and others that do not change the story."""
    if story in ("database", "no source"):
        return ()
    own = [NEEDS[story]] if story in NEEDS else []
    informing = deck.hand(features(language) & INFORMING, 1)
    if story in ("clean", "cache"):
        return (*own, *informing)
    count = chance.randint(8, 12) if story == "configured" else chance.randint(4, 7)
    return (*own, *deck.hand(features(language) - QUIET - INFORMING, count), *informing)


def _box(number: int, language: str, chance: random.Random) -> Box:
    heap = chance.choice((512, 1024, 2048))
    return Box(
        name=f"{SERVICES[number % len(SERVICES)][:3]}{number:04}-vm1",
        address=f"10.{30 + number // 2500}.{number // 10 % 250}.{number % 10 * 10 + 1}",
        language=language,
        cron=(hosts.ROTATE,),
        processors=chance.choice((2, 4, 8)),
        memory=chance.choice((3789, 7821, 15885)),
        options=f"-Xms{heap}m -Xmx{heap}m -XX:MaxMetaspaceSize=128m -Djava.awt.headless=true",
        data=chance.choice(("", "", "nfs4")),
        runtime=RUNTIMES[language][1] if language in RUNTIMES else "",
    )
