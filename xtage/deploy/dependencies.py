"""The packages the lock names, made ready for where they run on AWS: Amazon Linux, x86_64, Python 3.11.

Neither the functions nor the builds can reach a package index: the loaders' packages go into a Lambda layer, dbt's
wheels into a zip that CodeBuild installs from. Both are made on the deploying machine, and only when the lock changed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from xtage.deploy.errors import DeployError
from xtage.deploy.package import Artifact, zipped

PYTHON = "3.11"
_TARGET = {"python_version": PYTHON, "sys_platform": "linux", "os_name": "posix"}
# Which 3.11 a build has is AWS's business; the lock may ask for another package from some release on.
_RELEASES = (f"{PYTHON}.0", f"{PYTHON}.99")

# What a function may weigh unzipped, code and layers together:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_BYTES = 250 * 1024 * 1024
# Room for the code, of which a test sees that it is enough.
CODE_BYTES = 5 * 1024 * 1024
LAYER_BYTES = LAMBDA_BYTES - CODE_BYTES

# What no function imports: the packages' test suites, headers and stubs, and Arrow's Flight. With them it is 311 MB.
TRIMMED = (
    "**/tests",
    "**/__pycache__",
    "**/*.pyi",
    "**/*.pxd",
    "**/*.pyx",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",
)

# Newer wheels first; pip takes what fits any of them. CodeBuild's image has glibc 2.34.
_WHEEL_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def layer(project: Path) -> Artifact:
    """The Lambda layer with what the `lambda` group locks; reading it raises DeployError if it is too big."""
    requirements = locked(project, "lambda")
    key = _key("layer", requirements, *TRIMMED)
    return Artifact(key, lambda: _build_layer(requirements))


def wheelhouse(project: Path) -> Artifact:
    """The wheels of everything in orchestration/requirements-dbt.txt."""
    requirements = (project / "orchestration" / "requirements-dbt.txt").read_text()
    return Artifact(_key("wheelhouse", requirements, *_RELEASES), lambda: _build_wheelhouse(requirements))


def install(requirements: str, packages: Path) -> None:
    """Installs locked requirements into a folder, as a function needs them and no bigger.

    Raises DeployError when they cannot be fetched, or are more than Lambda takes.
    """
    command = ["uv", "pip", "install", "--quiet", "--target", str(packages), "--python-version", PYTHON]
    platform = ["--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:", "--no-deps", "--require-hashes"]
    _run([*command, *platform, "--requirements", "-"], requirements)
    for path in [path for pattern in TRIMMED for path in packages.glob(pattern)]:
        _remove(path)
    size, allowed = sum(path.stat().st_size for path in _files(packages)) // 2**20, LAYER_BYTES // 2**20
    if size >= allowed:
        remedy = "drop a package from the lambda group, or trim more in xtage/deploy/dependencies.py"
        raise DeployError(f"the loaders' packages take {size} of the {allowed} MiB that Lambda leaves them", remedy)


def _build_layer(requirements: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        # Lambda adds /opt/python, where a layer's `python` folder comes to lie, to the import path.
        packages = Path(directory, "python")
        install(requirements, packages)
        return zipped((path.relative_to(directory).as_posix(), path.read_bytes()) for path in _files(packages))


def _build_wheelhouse(requirements: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        listed = Path(directory, "requirements.txt")
        wheels = Path(directory, "wheels")
        platforms = [option for platform in _WHEEL_PLATFORMS for option in ("--platform", platform)]
        download = ["pip", "download", "--quiet", "--only-binary", ":all:", "--no-deps"]
        fetched: set[str] = set()
        for release in _RELEASES:
            wanted = set(_for_target(requirements, release)) - fetched
            listed.write_text("\n".join(sorted(wanted)))
            if wanted:
                target = ["--python-version", release, *platforms]
                _run([*download, *target, "--requirement", str(listed), "--dest", str(wheels)])
            fetched |= wanted
        return zipped((path.name, path.read_bytes()) for path in _files(wheels))


def _for_target(requirements: str, release: str) -> list[str]:
    """What a release of the deployed Python takes: pip would judge the markers by the Python it runs on."""
    lines = requirements.replace("\\\n", " ").splitlines()
    kept = []
    for line in lines:
        named, *hashes = line.split(" --hash=")
        if not named.strip() or named.startswith("#"):
            continue
        requirement = Requirement(named.strip())
        if requirement.marker is None or requirement.marker.evaluate(_TARGET | {"python_full_version": release}):
            kept.append(
                " ".join((f"{requirement.name}{requirement.specifier}", *(f"--hash={one.strip()}" for one in hashes)))
            )
    return kept


def locked(project: Path, group: str) -> str:
    """Names, versions and hashes of a dependency group, as the lock has them."""
    export = ["uv", "export", "--quiet", "--frozen", "--only-group", group, "--no-annotate", "--no-header"]
    return _run([*export, "--project", str(project)])


def _run(module: list[str], text: str | None = None) -> str:
    done = subprocess.run([sys.executable, "-m", *module], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DeployError(
            f"{module[0]} could not fetch what the lock names: {last}", "check the way to the package index"
        )
    return done.stdout


def _key(name: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join((PYTHON, *parts)).encode()).hexdigest()
    return f"{name}/{digest[:32]}.zip"


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
