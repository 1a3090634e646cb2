"""Images built and run without a daemon, by buildah."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linters import installed_program
from requirements import lacking
from warehouse import REPOSITORY

_ISOLATED = ("--isolation", "chroot", "--network", "host")
_PACKAGES = ("buildah", "podman", "crun", "mmdebstrap", "fuse-overlayfs")
_MACHINE = ("/etc/ssl/certs", "/etc/pip.conf")
"""What lets pip and uv reach a package index from this machine; never part of the image."""


def buildah(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run buildah; what it printed is in the result."""
    program = installed_program("buildah", _PACKAGES, "container")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"buildah {arguments}: {done.stdout}{done.stderr}"
    return done


def provide_base(name: str) -> None:
    """Have the base image: as kept, from its registry, or a Debian of the same release with its own Python 3.11."""
    if buildah("inspect", "--type", "image", name, check=False).returncode == 0:
        return
    try:
        pulled = subprocess.run(
            [installed_program("buildah", _PACKAGES, "container"), "pull", "--quiet", name],
            capture_output=True,
            check=False,
            timeout=120,
        )
        if pulled.returncode == 0:
            return
    except subprocess.TimeoutExpired:
        pass
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "rootfs.tar"
        packages = "--include=python3,python3-venv,ca-certificates"
        for command in (
            ["mmdebstrap", "--variant=minbase", packages, "bookworm", str(tree)],
            ["podman", "import", "--quiet", str(tree), name],
        ):
            program = installed_program(command[0], _PACKAGES, "container")
            made = subprocess.run(
                [program, *command[1:]], capture_output=True, text=True, check=False
            )
            if made.returncode:
                lacking("container", f"the base image {name} cannot be had: {made.stderr[-300:]}")


def build(tag: str, *options: str, context: Path = REPOSITORY) -> None:
    """Build an image; layers whose files have not changed are those of the last time."""
    wheels = Path.home() / ".cache" / "uv"
    wheels.mkdir(parents=True, exist_ok=True)
    mounts = [f"--volume={path}:{path}:ro" for path in _MACHINE if Path(path).exists()]
    buildah(
        *("build", "--quiet", "--layers", "--format", "docker", "--pull=never", *_ISOLATED),
        *(*mounts, f"--volume={wheels}:/root/.cache/uv", "--tag", tag, *options, str(context)),
    )


@contextmanager
def container_of(tag: str) -> Iterator[str]:
    """A container of an image, removed at the end with everything that is not on a volume."""
    name = buildah("from", "--pull=never", tag).stdout.strip()
    try:
        yield name
    finally:
        buildah("rm", name)


def run_in(
    container: str, *command: str, options: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a container as the image's own user."""
    return buildah("run", *_ISOLATED, *options, container, "--", *command, check=False)
