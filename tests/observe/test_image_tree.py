"""A Dockerfile is written from the image tree for those that have none, and our own checks find nothing in it."""

# ruff: noqa: E501 - a case is one line of a table

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.judge.dockerfile import check_dockerfile
from runbook_lib.judge.image_build.tree import Base, ImageTree, Wanted, choose, parts
from runbook_lib.judge.image_build.write import dockerfile_text
from runbook_lib.model import Outcome
from runbook_lib.observe.files.hadolint import program_at, remarks
from runbook_lib.observe.files.image_tree import dockerfile_at, read_image_tree, written_dockerfile

TREE = """\
registry: registry.example/base
images:
  debian:
    image: debian:12.7-20261101
    packages: apt
    time_zone: Asia/Shanghai
    environment: {LC_ALL: C.UTF-8}
  jre8: {from: debian, language: java, version: 8u392, image: "jre:8u392-20261101", build_image: "maven:3.9-jdk8u392-20261101"}
  jre8-old: {from: debian, language: java, version: 8u181, image: "jre:8u181-20261101", build_image: "maven:3.9-jdk8u181-20261101"}
  jre17:
    from: debian
    language: java
    version: "17.0.13"
    image: jre:17.0.13-20261101
    build_image: gradle:8.10-jdk17-20261101
  python: {from: debian, language: python, version: "3.11.9", image: "python:3.11.9-20261101", build_image: "python-build:3.11.9-20261101", user: 20002}
  node: {from: debian, language: node, version: "22.9", image: "node:22.9-20261101", build_image: "node-build:22.9-20261101"}
  go: {language: go, version: "1.23", image: "other.example/static:1.2", build_image: "golang:1.23.2-20261101"}
applications:
  order-service:
    language: java
    version: "8"
    port: 8080
    packages: {fontconfig: 2.14.1-4}
    environment: {GREETING: "say \\"hi\\" for $5"}
    secrets: {settings: /root/.m2/settings.xml}
  cart: {language: java, version: "17", tool: gradle, port: 8080, artefact: build/libs/cart-all.jar}
  stock: {language: python, version: "3.11", port: 8080, user: 777}
  web: {language: node, port: 3000, command: [node, "--max-old-space-size=300", /app/src/main.js]}
  edge: {language: go, version: "1.23", port: 8080, time_zone: Etc/UTC}
  legacy: {like: jre8-old, tool: none, port: 8080, artefact: "target/{name}.jar", command: [java, -jar, "/app/{name}.jar"]}
"""
APPLICATIONS = ("order-service", "cart", "stock", "web", "edge", "legacy")


def tree_at(tmp_path: Path, text: str = TREE) -> Path:
    path = tmp_path / "image-tree.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("application", APPLICATIONS)
def test_our_own_checks_find_nothing_in_what_is_written(tmp_path: Path, application: str) -> None:
    dockerfile, text = written_dockerfile(tree_at(tmp_path), application)
    found = [f for f in check_dockerfile(dockerfile) if f.outcome is not Outcome.PASS]
    assert [(f.check, f.message) for f in found] == []
    assert text.endswith("]\n")


@pytest.mark.skipif(program_at() is None, reason="hadolint is not installed")
@pytest.mark.parametrize("application", APPLICATIONS)
def test_hadolint_finds_nothing_either(tmp_path: Path, application: str) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(written_dockerfile(tree_at(tmp_path), application)[1])
    told = remarks(path)
    known = {"DL3042", "DL3002"}  # a cache that is mounted, and whoever builds, are not in the image
    assert (told.problem, [remark for remark in told.remarks if remark.code not in known]) == ("", [])


def test_the_whole_text_of_one() -> None:
    tree = ImageTree(
        "t",
        (Base("jre", "r.example/jre:8", "java", "8", "r.example/maven:3.9", "apt", "Asia/Shanghai", 7),),
        {
            "shop": Wanted(
                "shop", "java", "8", port=80, packages={"tzdata": "1"}, secrets={"m2": "/root/.m2/settings.xml"}
            )
        },
    )
    mounts = "--mount=type=cache,target=/root/.m2/repository --mount=type=secret,id=m2,target=/root/.m2/settings.xml"
    assert dockerfile_text(tree, "shop").splitlines() == [
        "# syntax=docker/dockerfile:1",
        "# Written from the image tree for shop: change it there.",
        "FROM r.example/maven:3.9 AS build",
        "USER 0",
        "WORKDIR /build",
        "COPY pom.xml ./",
        f"RUN {mounts} mvn -B -q dependency:go-offline",
        "COPY src ./src",
        f"RUN {mounts} mvn -B -q package -DskipTests",
        "",
        "FROM r.example/jre:8",
        'LABEL org.opencontainers.image.title="shop"',
        "ENV TZ=Asia/Shanghai \\",
        "    LANG=C.UTF-8 \\",
        "    JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75.0",
        "USER 0",
        "RUN apt-get update \\",
        "    && apt-get install -y --no-install-recommends tzdata=1 \\",
        "    && rm -rf /var/lib/apt/lists/*",
        "WORKDIR /app",
        "COPY --from=build /build/target/shop.jar ./shop.jar",
        "USER 7:7",
        "EXPOSE 80",
        "STOPSIGNAL SIGTERM",
        'ENTRYPOINT ["java", "-jar", "/app/shop.jar"]',
    ]


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("8u392", True),
        ("1.8.0_191", True),
        ("8", True),
        ("17.0.13", True),
        ("8u45", False),
        ("1.7.0_80", False),
        ("9", False),
    ],
)
@pytest.mark.parametrize("build_image", ["", "maven:3.9"])
def test_java_is_told_no_option_that_it_does_not_know(version: str, known: bool, build_image: str) -> None:
    base = Base("jre", "r.example/jre:1", "java", version, build_image)
    wanted = Wanted("shop", artefact="target/shop.jar", like="jre", command=("java", "-jar", "/app/shop.jar"))
    text = dockerfile_text(ImageTree("t", (base,), {"shop": wanted}), "shop")
    assert ("MaxRAMPercentage" in text) is known


def test_what_is_built_of_node_has_its_tools_while_it_is_built_and_what_was_built_is_kept() -> None:
    base = Base("node", "r.example/node:22", "node", "22", "r.example/node-build:22")
    wanted = Wanted("web", "node", build="npm run build", sources=("src", "tsconfig.json"), artefact="dist", port=80)
    text = dockerfile_text(ImageTree("t", (base,), {"web": wanted}), "web")
    assert "RUN --mount=type=cache,target=/root/.npm npm ci\n" in text
    assert "npm run build && npm prune --omit=dev\n" in text
    assert "COPY --from=build /build/dist ./dist\n" in text and "/build/src" not in text


def test_of_python_the_folder_that_is_named_is_taken() -> None:
    base = Base("py", "r.example/py:3", "python", "3.11", "r.example/py-build:3")
    wanted = Wanted("stock", "python", sources=("app",), artefact="app", port=80)
    text = dockerfile_text(ImageTree("t", (base,), {"stock": wanted}), "stock")
    assert "COPY --from=build /build/app ./\n" in text and "/build/src" not in text


def test_images_have_what_those_have_that_they_grow_from(tmp_path: Path) -> None:
    bases = {base.name: base for base in read_image_tree(tree_at(tmp_path)).bases}
    assert bases["python"].image == "registry.example/base/python:3.11.9-20261101"
    assert (bases["python"].packages, bases["python"].time_zone, bases["python"].user) == (
        "apt",
        "Asia/Shanghai",
        20002,
    )
    assert bases["python"].environment == {"LC_ALL": "C.UTF-8"}
    assert bases["go"].image == "other.example/static:1.2"


@pytest.mark.parametrize(
    ("language", "version", "name"),
    [
        ("java", "8", "jre8"),
        ("java", "1.8", "jre8"),
        ("java", "8u181", "jre8-old"),
        ("java", "1.8.0_181", "jre8-old"),
        ("java", "17", "jre17"),
        ("python", "3.11", "python"),
        ("node", "", "node"),
    ],
)
def test_the_newest_image_of_the_version_that_is_asked_for_is_taken(
    tmp_path: Path, language: str, version: str, name: str
) -> None:
    assert choose(read_image_tree(tree_at(tmp_path)), Wanted("a", language, version)).name == name


@pytest.mark.parametrize(
    ("language", "version"), [("java", "11"), ("java", "1"), ("python", "3.1"), ("cobol", ""), ("", "")]
)
def test_what_the_tree_does_not_have_is_refused_with_what_it_has(tmp_path: Path, language: str, version: str) -> None:
    with pytest.raises(BadParameters, match=r"there are debian, jre8 \(java 8u392\)"):
        choose(read_image_tree(tree_at(tmp_path)), Wanted("a", language, version))


def test_versions_are_cut_where_they_change() -> None:
    assert (parts("8u392"), parts("1.8.0_392"), parts("3.11.9")) == (["8", "392"], ["8", "392"], ["3", "11", "9"])


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("    port: 8080\n    packages", "    ports: 8080\n    packages", "unknown key ports"),
        ("GREETING:", "DB_PASSWORD:", "DB_PASSWORD is a secret"),
        ("GREETING:", "GREE-TING:", "no variable"),
        ('image: "jre:8u392-20261101"', "image: jre 8", "must be one word"),
        ("from: debian, language: java, version: 8u392", "from: nobody", "there is no image nobody"),
        ("image: debian:12.7-20261101\n", "image: debian:12.7-20261101\n    from: jre8\n", "grows from itself"),
        ("    port: 8080\n    packages", "    port: 0\n    packages", "whole number from 1"),
        ("    packages: apt\n", "", "does not say what installs packages"),
        ("    packages: apt\n", "    packages: brew\n", "must be one of apt"),
        ("    language: java\n    version: \"8\"\n", "    language: java\n    version: \"8\"\n    tool: ant\n", "not built by ant"),
        ("  order-service:\n", "  Order_Service:\n", "is no name such as"),
        ('"8"\n', '"8"\n    build: |\n      a\n      b\n', "build is one line"),
        ("images:\n", "images: {}\nimages2:\n", "unknown key images2"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_tree_is_named_with_its_line(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in TREE
    with pytest.raises(BadParameters, match=why) as refused:
        written_dockerfile(tree_at(tmp_path, TREE.replace(old, new, 1)), "order-service")
    assert "image-tree.yaml:" in str(refused.value)


def test_a_dockerfile_of_its_own_comes_before_the_tree(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a.example/own:1\n")
    own, text = dockerfile_at(path, tree_at(tmp_path), "cart")
    assert (own and own.stages[0].image, text) == ("a.example/own:1", "")
    written, text = dockerfile_at(None, tree_at(tmp_path), "cart")
    assert written is not None
    assert written.stages[-1].image in text
    assert dockerfile_at(None, None, "cart") == (None, "")


def test_an_application_that_the_tree_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="no application shop; it has cart, edge"):
        written_dockerfile(tree_at(tmp_path), "shop")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(TREE)),
    st.sampled_from(["", "\n", ": ", "[", "{", "3", "\t", "- x\n", "null", "'"]),
    st.integers(0, 9),
)
def test_a_damaged_tree_is_refused_or_written(tmp_path: Path, at: int, junk: str, cut: int) -> None:
    path = tree_at(tmp_path, TREE[:at] + junk + TREE[at + cut :])
    for application in ("order-service", "web"):
        try:
            dockerfile, _ = written_dockerfile(path, application)
        except BadParameters:
            continue
        assert dockerfile.findings == ()
