"""What is installed: the same bytes from the same content, all of it and nothing else."""

import io
import os
import re
import shutil
import ssl
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from loaders.database import tls_context
from xtage.deploy import PROJECT
from xtage.deploy.dependencies import CODE_BYTES
from xtage.deploy.package import (
    Artifact,
    api_code,
    dbt_source,
    definition,
    glue_packages,
    glue_script,
    loaders_code,
    nested_templates,
    template,
    with_template_urls,
)
from xtage.deploy.reading import read_template
from xtage.profiles import read_target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with everything that is packaged, and things that must not be."""
    for name, text in {
        "loaders/handler.py": "def load(event, context): ...",
        "loaders/schema/rds.sql": "create schema raw;",
        "api/handler.py": "def handle(event, context): ...",
        "loaders/__pycache__/handler.cpython-311.pyc": "compiled",
        "contracts/sales.odcs.yaml": "kind: DataContract",
        "glue/__init__.py": "",
        "glue/jobs/flatten.py": "print(1)",
        "infra/certificates/rds-ca-bundle.pem": "certificates",
        "infra/cloudformation/root.yaml": "Resources: {}",
        "dbt_project.yml": "name: xtage",
        "profiles.yml": "xtage: {}",
        "dbt_project/models/staging/stg_sales.sql": "select 1",
        "dbt_project/models/staging/stg_sales.yml": "models: []",
        "orchestration/buildspec.yml": "version: 0.2",
        "orchestration/pipeline.asl.json": "{}",
        "target/run_results.json": "{}",
        "logs/dbt.log": "...",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(artifact: Artifact) -> list[str]:
    return sorted(zipfile.ZipFile(io.BytesIO(artifact.read())).namelist())


def test_the_loaders_code_is_the_loaders_the_contracts_and_the_certificates(project: Path) -> None:
    assert names(loaders_code(project)) == [
        "contracts/sales.odcs.yaml",
        "infra/certificates/rds-ca-bundle.pem",
        "loaders/handler.py",
        "loaders/schema/rds.sql",
    ]


def test_the_code_of_the_api_brings_the_loaders_and_the_contracts_along(project: Path) -> None:
    assert names(api_code(project)) == ["api/handler.py", *names(loaders_code(project))]


def test_a_job_is_its_script_and_the_packages_it_imports(project: Path) -> None:
    assert names(glue_packages(project)) == ["glue/__init__.py", "glue/jobs/flatten.py"]
    script = glue_script(project, "flatten")
    assert (script.key.endswith(".py"), script.read()) == (True, b"print(1)")


def test_the_dbt_source_is_what_the_build_needs(project: Path) -> None:
    assert names(dbt_source(project)) == [
        "dbt_project.yml",
        "dbt_project/models/staging/stg_sales.sql",
        "dbt_project/models/staging/stg_sales.yml",
        "infra/certificates/rds-ca-bundle.pem",
        "orchestration/buildspec.yml",
        "orchestration/pipeline.asl.json",
        "profiles.yml",
    ]


@pytest.mark.parametrize(
    "make", [loaders_code, api_code, glue_packages, dbt_source], ids=["loaders", "api", "glue", "dbt"]
)
def test_a_copy_of_the_project_makes_the_same_bytes(
    project: Path, tmp_path: Path, make: Callable[[Path], Artifact]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("copy"))
    os.utime(copy / "loaders" / "handler.py", (0, 0))
    (copy / "loaders" / "handler.py").chmod(0o600)
    assert make(copy).key == make(project).key
    assert make(copy).read() == make(project).read()


def test_a_changed_file_makes_another_key(project: Path) -> None:
    before = loaders_code(project).key
    (project / "loaders" / "handler.py").write_text("def load(event, context): return {}")
    assert loaders_code(project).key != before


def test_a_renamed_file_makes_another_key(project: Path) -> None:
    before = loaders_code(project).key
    (project / "loaders" / "handler.py").rename(project / "loaders" / "handlers.py")
    assert loaders_code(project).key != before


def test_the_functions_can_read_their_code_whoever_packaged_it(project: Path) -> None:
    (project / "loaders" / "handler.py").chmod(0o600)
    for entry in zipfile.ZipFile(io.BytesIO(loaders_code(project).read())).infolist():
        assert entry.external_attr >> 16 == 0o644


def test_every_nested_template_is_found_where_it_was_uploaded() -> None:
    root = "Resources:\n  Storage:\n    Properties:\n      TemplateURL: storage.yaml\n      Parameters: {}\n"
    assert "TemplateURL: https://bucket/storage/1.yaml\n" in with_template_urls(
        root, {"storage.yaml": "https://bucket/storage/1.yaml"}
    )


def test_the_templates_are_within_cloudformations_limits() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    root = (PROJECT / "infra/cloudformation/root.yaml").read_text()
    nested = nested_templates(root)
    # Sent in the call itself, with addresses as long as they get: a bucket's name has up to 63 letters.
    url = f"https://s3.ap-southeast-1.amazonaws.com/{'b' * 63}/templates/orchestration/{'d' * 32}.yaml"
    assert len(with_template_urls(root, dict.fromkeys(nested, url)).encode()) < 51_200
    assert max(len(template(PROJECT, name).read()) for name in nested) < 1_000_000
    for name in ("root.yaml", "artifacts.yaml", *nested):
        described = read_template(PROJECT / "infra/cloudformation" / name)
        assert len(described["Resources"]) <= 500, name
        assert len(described.get("Parameters", {})) <= 200, name
        assert len(described.get("Outputs", {})) <= 200, name


def test_the_project_itself_can_be_packaged() -> None:
    assert "loaders/handler.py" in names(loaders_code(PROJECT))
    assert "orchestration/buildspec.yml" in names(dbt_source(PROJECT))
    assert definition(PROJECT).key.startswith("pipeline/")
    assert template(PROJECT, "storage.yaml").key.startswith("templates/storage/")


@pytest.mark.parametrize("make", [loaders_code, api_code], ids=["loaders", "api"])
def test_the_code_fits_beside_the_layer(make: Callable[[Path], Artifact]) -> None:
    entries = zipfile.ZipFile(io.BytesIO(make(PROJECT).read())).infolist()
    assert sum(entry.file_size for entry in entries) < CODE_BYTES


def test_the_certificates_of_rds_are_where_functions_and_builds_look_for_them() -> None:
    """RDS signs with a root of its region; each is valid for decades."""
    template = yaml.safe_load(re.sub(r"!\w+", "", (PROJECT / "infra/cloudformation/loaders.yaml").read_text()))
    in_function = template["Parameters"]["DatabaseCaBundle"]["Default"].removeprefix("/var/task/")
    in_build = read_target(PROJECT, "rds")["sslrootcert"]
    assert in_function == in_build
    for artifact in (loaders_code(PROJECT), dbt_source(PROJECT)):
        assert in_function in names(artifact)
    context = tls_context({"DATABASE_CA_BUNDLE": str(PROJECT / in_function)})
    assert isinstance(context, ssl.SSLContext)
    roots = [(dict(pair[0] for pair in root["subject"])["commonName"], root) for root in context.get_ca_certs()]
    assert len(roots) > 80
    assert all(re.fullmatch(r"Amazon RDS [a-z0-9-]+ Root CA (RSA2048|RSA4096|ECC384) G1", name) for name, _ in roots)
    assert all(root["subject"] == root["issuer"] for _, root in roots)
    assert min(int(root["notAfter"].split()[3]) for _, root in roots) > 2060
