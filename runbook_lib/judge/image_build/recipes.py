"""How an application of each language is built: what is copied first, what fetches, what builds, what then runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """``fetch`` runs on the ``first`` files alone, so that its layer is kept while only sources change.

    ``{name}`` stands for the application; ``keep`` are pairs of what is taken over from the build and to where.
    """

    first: tuple[str, ...]
    fetch: str
    sources: tuple[str, ...]
    build: str
    cache: str
    keep: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    fetch_all: str = ""
    """What fetches where sources are built by tools that the service itself does not need, and what drops them then."""
    drop: str = ""


ENVIRONMENT = {
    "java": {"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75.0"},
    "python": {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    "node": {"NODE_ENV": "production"},
}
RECIPES = {
    ("java", "maven"): Recipe(
        first=("pom.xml",),
        fetch="mvn -B -q dependency:go-offline",
        sources=("src",),
        build="mvn -B -q package -DskipTests",  # the tests ran before anybody builds an image
        cache="/root/.m2/repository",
        keep=(("target/{name}.jar", "./{name}.jar"),),
        command=("java", "-jar", "/app/{name}.jar"),
    ),
    ("java", "gradle"): Recipe(
        first=("build.gradle*", "settings.gradle*"),  # .kts, too
        fetch="gradle --no-daemon -q dependencies",
        sources=("src",),
        build="gradle --no-daemon -q assemble",
        cache="/root/.gradle",
        keep=(("build/libs/{name}.jar", "./{name}.jar"),),
        command=("java", "-jar", "/app/{name}.jar"),
    ),
    ("python", "pip"): Recipe(
        first=("requirements.txt",),
        fetch="python -m venv /opt/venv && /opt/venv/bin/pip install -r requirements.txt",
        sources=("src",),
        build="",
        cache="/root/.cache/pip",
        keep=(("/opt/venv", "/opt/venv"), ("src", "./")),
        command=("/opt/venv/bin/python", "-m", "{module}"),
    ),
    ("node", "npm"): Recipe(
        first=("package.json", "package-lock.json"),
        fetch="npm ci --omit=dev",
        sources=("src",),
        build="",
        cache="/root/.npm",
        keep=(("package.json", "./package.json"), ("node_modules", "./node_modules"), ("src", "./src")),
        command=("node", "/app/src/index.js"),
        fetch_all="npm ci",
        drop="npm prune --omit=dev",
    ),
    ("go", "go"): Recipe(
        first=("go.mod", "go.sum*"),  # whoever needs nothing has no sums
        fetch="go mod download",
        sources=("cmd", "internal"),
        build="CGO_ENABLED=0 go build -trimpath -o /out/{name} ./cmd/{name}",
        cache="/go/pkg/mod",
        keep=(("/out/{name}", "./{name}"),),
        command=("/app/{name}",),
    ),
}
CUSTOM = {"java": "maven", "python": "pip", "node": "npm", "go": "go"}
BUILT = "none"  # the pipeline built it before: only copied
