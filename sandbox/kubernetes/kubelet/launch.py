"""What is needed before a container can start: its image, its environment, its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.kubernetes.kubelet.environment import ConfigMissing, base, environment, expanded, working_directory
from sandbox.kubernetes.kubelet.images import ImageMissing, ImageUnnamed, command_line, entrypoint
from sandbox.kubernetes.kubelet.volumes import Mount, mounts, rewritten

if TYPE_CHECKING:
    from sandbox.kubernetes.kubelet.container import Container


@dataclass(frozen=True)
class Launch:
    """All that starts the process."""

    words: list[str]
    variables: dict[str, str]
    directory: Path


async def prepared(container: Container) -> Launch | None:
    """Waits for the image and for what the environment refers to; None when the Pod goes before."""
    pulls = 0
    while True:
        try:
            return launch(container, _pulled(container))
        except ImageMissing as missing:
            gone = await _wait_for_image(container, str(missing), pulls)
            pulls += 1
        except ImageUnnamed as unnamed:
            container.event("Warning", "InspectFailed", str(unnamed))
            container.event("Warning", "Failed", "Error: InvalidImageName")
            gone = await container.wait("InvalidImageName", str(unnamed), container.around.host.options.retry)
        except ConfigMissing as missing:
            container.event("Warning", "Failed", f"Error: {missing}")
            retry = container.around.host.options.retry
            gone = await container.wait("CreateContainerConfigError", str(missing), retry)
        if gone:
            return None


def launch(container: Container, given: list[str]) -> Launch:
    """The process that the manifest describes; `given` is the command line of the image. Raises ConfigMissing."""
    spec, pod, host = container.record.spec, container.around.pod(), container.around.host
    mounted = [*mounts(spec, container.around.volumes), termination_mount(container)]
    asked = environment(host.store, pod, spec, mounted)
    command, arguments = (
        [rewritten(expanded(word, asked), mounted) for word in spec.get(part, ())] for part in ("command", "args")
    )
    words = command_line(given, command, arguments)
    if not words:
        raise ConfigMissing(f'image "{spec["image"]}" has no command of its own: give the container one')
    return Launch(words, base(host.settings, pod) | asked, working_directory(spec, mounted))


def termination_mount(container: Container) -> Mount:
    """The file that a container may write its last words to."""
    path = container.record.spec.get("terminationMessagePath", "/dev/termination-log")
    return Mount(path, container.around.folder / f"{container.record.name}.termination")


def _pulled(container: Container) -> list[str]:
    image, policy = container.record.spec["image"], container.record.spec.get("imagePullPolicy", "IfNotPresent")
    given = entrypoint(container.around.host.settings.images_file, image)
    if policy == "Always":
        container.event("Normal", "Pulling", f'Pulling image "{image}"')
        container.event("Normal", "Pulled", f'Successfully pulled image "{image}" in 0s (0s including waiting)')
    else:
        message = f'Container image "{image}" already present on machine and can be accessed by the pod'
        container.event("Normal", "Pulled", message)
    return given


async def _wait_for_image(container: Container, message: str, pulls: int) -> bool:
    """Says that the image is missing, as often as the kubelet would; True when the Pod goes meanwhile."""
    image, options = container.record.spec["image"], container.around.host.options
    if container.record.spec.get("imagePullPolicy") == "Never":
        message = f'Container image "{image}" is not present with pull policy of Never'
        container.event("Warning", "ErrImageNeverPull", message)
        container.event("Warning", "Failed", "Error: ErrImageNeverPull")
        return await container.wait("ErrImageNeverPull", message, options.retry)
    container.event("Normal", "Pulling", f'Pulling image "{image}"')
    container.event("Warning", "Failed", f'Failed to pull image "{image}": {message}')
    container.event("Warning", "Failed", "Error: ErrImagePull")
    if await container.wait("ErrImagePull", message, min(options.back_off, 1.0)):
        return True
    container.event("Normal", "BackOff", f'Back-off pulling image "{image}"')
    container.event("Warning", "Failed", "Error: ImagePullBackOff")
    seconds = min(options.back_off * 2**pulls, options.longest_back_off)
    message = f'Back-off pulling image "{image}": ErrImagePull: {message}'
    return await container.wait("ImagePullBackOff", message, seconds)
