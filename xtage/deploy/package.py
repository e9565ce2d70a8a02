"""What a deployment installs, as bytes: code, the dbt project, the state machine, the templates.

The same content always makes the same bytes under the same key, so that what has not changed is neither uploaded again
nor seen as a change by CloudFormation.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path("infra", "cloudformation")

_CERTIFICATES = "infra/certificates/*.pem"
_LOADERS_CODE = ("loaders/**/*.py", "loaders/**/*.sql", "contracts/*.odcs.yaml", _CERTIFICATES)
_GLUE_PACKAGES = ("glue/**/*.py",)
_API_CODE = ("api/**/*.py", "connectors/*.yaml", *_LOADERS_CODE)
_DBT_SOURCE = (
    "dbt_project.yml",
    "profiles.yml",
    "dbt_project/**/*.sql",
    "dbt_project/**/*.yml",
    "dbt_project/**/*.yaml",
    "dbt_project/**/*.csv",
    "dbt_project/**/*.md",
    "orchestration/*",
    _CERTIFICATES,
)

# The first moment that a zip can hold; the real times differ between two checkouts of the same content.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

# API Gateway serves what a deployment copied: a template that changed needs a deployment of another name.
_API_DEPLOYMENT = b"DeploymentOfThisTemplate"

_TEMPLATE_FILE = re.compile(r"^(\s+TemplateURL: )(\S+\.yaml)$", re.MULTILINE)


@dataclass(frozen=True)
class Artifact:
    """One object to upload. Equal keys hold equal content, which `read` gives, or makes."""

    key: str
    read: Callable[[], bytes]


def loaders_code(project: Path) -> Artifact:
    """The Lambda functions' code: loaders/, contracts/ and the certificates that RDS is verified with."""
    return _zip("loaders", project, _LOADERS_CODE)


def api_code(project: Path) -> Artifact:
    """The code of the API's functions: api/, and the loaders/ and contracts/ that it uses."""
    return _zip("api", project, _API_CODE)


def glue_packages(project: Path) -> Artifact:
    """What the Glue jobs' scripts import: glue/."""
    return _zip("glue", project, _GLUE_PACKAGES)


def glue_script(project: Path, job: str) -> Artifact:
    """The script of a Glue job, `job` being its module's name."""
    return _document(f"glue/{job}", project / "glue" / "jobs" / f"{job}.py")


def dbt_source(project: Path) -> Artifact:
    """CodeBuild's source: the dbt project and what the buildspec needs."""
    return _zip("dbt", project, _DBT_SOURCE)


def definition(project: Path) -> Artifact:
    """The state machine's definition."""
    return _document("pipeline", project / "orchestration" / "pipeline.asl.json")


def template(project: Path, name: str) -> Artifact:
    """A nested template, `name` being its file's name; a deployment in it is named after the template's content."""
    document = _document(f"templates/{name.removesuffix('.yaml')}", project / TEMPLATES / name)
    deployment = f"Deployment{Path(document.key).stem}".encode()
    return Artifact(document.key, lambda: document.read().replace(_API_DEPLOYMENT, deployment))


def nested_templates(root: str) -> list[str]:
    """The file names that a root template's `TemplateURL` lines hold."""
    return [match[2] for match in _TEMPLATE_FILE.finditer(root)]


def with_template_urls(root: str, urls: Mapping[str, str]) -> str:
    """The root template with each nested file's name replaced by where it was uploaded to."""
    return _TEMPLATE_FILE.sub(lambda match: match[1] + urls[match[2]], root)


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of (name, content); the same files make the same bytes, whoever packs them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.create_system = 3  # Unix, wherever the zip is made
            entry.external_attr = 0o644 << 16  # readable by the user that Lambda runs the code as
            archive.writestr(entry, body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _document(name: str, path: Path) -> Artifact:
    body = path.read_bytes()
    return Artifact(f"{name}/{_digest([body])}{path.suffix}", lambda: body)


def _zip(name: str, project: Path, patterns: Iterable[str]) -> Artifact:
    files = sorted({path for pattern in patterns for path in project.glob(pattern) if path.is_file()})
    contents = [(path.relative_to(project).as_posix(), path.read_bytes()) for path in files]
    # The key is made from the content, not from the zip: compressors differ between machines.
    digest = _digest(part for file, body in contents for part in (file.encode(), body))
    return Artifact(f"{name}/{digest}.zip", lambda: zipped(contents))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:32]
