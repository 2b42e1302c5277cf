"""What a Java process may take besides its heap."""

from __future__ import annotations

from dataclasses import dataclass

HEAP_SHARE = 0.75
"""So much of the limit at most may be heap; ``02_containerization_checks`` asks for it."""


@dataclass(frozen=True)
class Jvm:
    """MiB each, threads as a count of 1 MiB stacks by default."""

    heap: float
    metaspace: float = 256.0
    direct: float = 64.0
    code_cache: float = 240.0
    threads: int = 100
    stack: float = 1.0

    @property
    def needs(self) -> float:
        return self.heap + self.metaspace + self.direct + self.code_cache + self.threads * self.stack

    def __str__(self) -> str:
        stacks = f"{self.threads:g} threads x {self.stack:g}"
        parts = (
            f"{self.heap:g} + metaspace {self.metaspace:g} + direct {self.direct:g} + code cache {self.code_cache:g}"
        )
        return f"Xmx {parts} + {stacks}"
