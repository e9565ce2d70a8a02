"""The environment variables of a build, in CodeBuild's order of precedence: start of the build, project, buildspec."""

import json
import os
from pathlib import Path
from typing import Any

from localcloud.aws.buildspec import Buildspec
from localcloud.aws.credentials import Credentials
from localcloud.redshift.launcher import authority
from localcloud.settings import Settings


def environment_of(
    settings: Settings,
    record: dict[str, Any],
    project: dict[str, Any],
    spec: Buildspec,
    directory: Path,
    credentials: Credentials,
) -> dict[str, str]:
    """Everything a build's shell sees. Raises botocore's ClientError, LookupError or ValueError, naming the variable,
    when a secret or parameter cannot be read.
    """
    declared = {name: ("PLAINTEXT", value) for name, value in spec.variables.items()}
    declared |= {name: ("SECRETS_MANAGER", value) for name, value in spec.secrets.items()}
    declared |= {name: ("PARAMETER_STORE", value) for name, value in spec.parameters.items()}
    for variable in (project.get("environment") or {}).get("environmentVariables") or []:
        declared[variable["name"]] = (variable.get("type") or "PLAINTEXT", variable["value"])
    resolved = {name: _resolve(credentials, name, kind, value) for name, (kind, value) in declared.items()}
    return _standard(settings, record, directory) | credentials.as_environment() | resolved


def _standard(settings: Settings, record: dict[str, Any], directory: Path) -> dict[str, str]:
    region = os.environ["AWS_DEFAULT_REGION"]
    return {
        # The project's own environment stands for the image of the build.
        "PATH": f"{settings.project}/.venv/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(directory / "home"),
        "LANG": "C.UTF-8",
        "CI": "true",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        # As the image of a build trusts the authority that signed Redshift's certificate.
        "SSL_CERT_FILE": str(authority(settings)),
        "CODEBUILD_BUILD_ARN": record["arn"],
        "CODEBUILD_BUILD_ID": record["id"],
        "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
        "CODEBUILD_INITIATOR": record["initiator"],
        "CODEBUILD_LOG_PATH": record["logs"]["streamName"],
        "CODEBUILD_SRC_DIR": str(directory / "source"),
    }


def _resolve(credentials: Credentials, name: str, kind: str, value: Any) -> str:
    if kind == "SECRETS_MANAGER":
        return _secret(credentials, name, value)
    if kind == "PARAMETER_STORE":
        parameter = credentials.client("ssm").get_parameter(Name=value, WithDecryption=True)
        return str(parameter["Parameter"]["Value"])
    return str(value)


def _secret(credentials: Credentials, name: str, reference: str) -> str:
    """The value of `secret-id:json-key:version-stage:version-id`; a secret id may be an ARN, with colons of its own."""
    size = 7 if reference.startswith("arn:") else 1
    parts = reference.split(":")
    secret_id, rest = ":".join(parts[:size]), parts[size:] + [""] * 3
    key, stage, version = rest[:3]
    arguments = {"VersionStage": stage} if stage else {}
    arguments |= {"VersionId": version} if version else {}
    text = credentials.client("secretsmanager").get_secret_value(SecretId=secret_id, **arguments)["SecretString"]
    if not key:
        return str(text)
    content = json.loads(text)
    if key not in content:
        raise LookupError(f"{name}: secret {secret_id} has no key {key}")
    return str(content[key])
