"""Deploys a stage: artifact bucket, uploads, the root stack, the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from xtage.deploy import dependencies, package
from xtage.deploy.changes import OnChanges
from xtage.deploy.errors import DeployError
from xtage.deploy.events import OnEvent, StackEvent
from xtage.deploy.limits import limit_use
from xtage.deploy.reading import read_template
from xtage.deploy.stacks import Stack, bring_up, outputs_of, parameters_deployed, take_down
from xtage.deploy.upload import OnUpload, empty, upload, url

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

PROJECT = Path(__file__).resolve().parents[2]

_PARAMETERS = package.TEMPLATES / "parameters"

# A little more than the migration function's own time limit.
_MIGRATION_SECONDS = 310


def deploy(
    stage: str,
    session: boto3.Session,
    on_event: OnEvent = lambda event: None,
    project: Path = PROJECT,
    *,
    parameters: Mapping[str, str] = MappingProxyType({}),
    on_changes: OnChanges = lambda changes: None,
    on_upload: OnUpload = lambda upload: None,
) -> dict[str, str]:
    """Brings a stage to what the project says, tables included; returns the root stack's outputs.

    `stage` names a file in infra/cloudformation/parameters; `parameters` go before what it says. Deploying again what
    is deployed changes nothing and takes a few calls. Raises DeployError, and what `on_changes` raises.
    """
    account = session.client("sts").get_caller_identity()["Account"]
    given = {**parameters_of(stage, account, project), **parameters}
    defaults = _defaults(project, given)
    cloudformation, s3 = session.client("cloudformation"), session.client("s3")

    artifacts_template = (project / package.TEMPLATES / "artifacts.yaml").read_text()
    artifacts_stack = Stack(_artifacts_name(stage), artifacts_template, {}, _tags(stage))
    bucket = bring_up(cloudformation, artifacts_stack, on_event, on_changes)["ArtifactBucketName"]

    root = _upload_all(stage, given, s3, bucket, project, on_upload)
    # Those too that nobody gives now: one that was given another value once has it still.
    root = replace(root, parameters={**defaults, **root.parameters})

    def migrate_early(event: StackEvent) -> None:
        """New functions wait for their tables: these need not wait for the other stacks. What fails is told later."""
        on_event(event)
        if (event.stack, event.resource, event.status) == (root.name, "Loaders", "UPDATE_COMPLETE"):
            with suppress(DeployError, BotoCoreError, ClientError):
                _migrate(session, f"xtage-{stage}-migrate")

    outputs = bring_up(cloudformation, root, migrate_early, on_changes)
    _migrate(session, outputs["MigrateFunctionName"])
    limit_use(session, outputs)
    return outputs


def destroy(
    stage: str, session: boto3.Session, on_event: OnEvent = lambda event: None, *, with_data: bool = False
) -> None:
    """Takes a stage away: its stacks and the artifacts.

    A last snapshot of the database stays with the key it is encrypted with, and so do the dropped files, the audit
    trail's and the access logs, each in its bucket; `with_data` deletes the buckets with every version of every file.
    Raises DeployError when the stage is under deletion protection, with nothing touched, and when something cannot
    be deleted: destroying again goes on then.
    """
    cloudformation, s3 = session.client("cloudformation"), session.client("s3")
    outputs = outputs_of(cloudformation, _root_name(stage))
    if "DatabaseEndpoint" in outputs:
        _refuse_protected(stage, parameters_deployed(cloudformation, _root_name(stage)))
    kept = [outputs[name] for name in ("RawBucketName", "AuditBucketName", "AccessLogBucketName") if name in outputs]
    artifacts = outputs_of(cloudformation, _artifacts_name(stage)).get("ArtifactBucketName")
    take_down(cloudformation, _root_name(stage), on_event)
    for bucket in kept if with_data else ():
        empty(s3, bucket)
        s3.delete_bucket(Bucket=bucket)
    if artifacts is not None:
        empty(s3, artifacts)
    take_down(cloudformation, _artifacts_name(stage), on_event)


def stages(project: Path = PROJECT) -> list[str]:
    """The stages that can be deployed: those that have parameters."""
    return sorted(path.stem for path in (project / _PARAMETERS).glob("*.json"))


def _upload_all(
    stage: str, parameters: dict[str, str], s3: S3Client, bucket: str, project: Path, on_upload: OnUpload
) -> Stack:
    """Uploads everything the root stack names; returns the stack that names it."""
    root = (project / package.TEMPLATES / "root.yaml").read_text()
    templates = {name: package.template(project, name) for name in package.nested_templates(root)}
    installed = {
        "LoadersCodeKey": package.loaders_code(project),
        "GluePackagesKey": package.glue_packages(project),
        "FlattenScriptKey": package.glue_script(project, "json_to_tabular"),
        "ApiCodeKey": package.api_code(project),
        "PublishScriptKey": package.glue_script(project, "publish_lake"),
        "DbtSourceKey": package.dbt_source(project),
        "DefinitionKey": package.definition(project),
    }
    # A stage whose functions and builds have their packages already says so by giving no key.
    if "LayerKey" not in parameters:
        installed["LayerKey"] = dependencies.layer(project)
    if "WheelhouseKey" not in parameters:
        installed["WheelhouseKey"] = dependencies.wheelhouse(project)
    upload(s3, bucket, [*templates.values(), *installed.values()], on_upload)
    urls = {name: url(s3, bucket, template.key) for name, template in templates.items()}
    keys = {parameter: artifact.key for parameter, artifact in installed.items()}
    given = {"Stage": stage, "ArtifactBucketName": bucket, **keys}
    return Stack(_root_name(stage), package.with_template_urls(root, urls), {**parameters, **given}, _tags(stage))


def _migrate(session: boto3.Session, function: str) -> None:
    """Brings the tables to what the deployed contracts say, from inside the network, the database's only way in."""
    functions = session.client("lambda", config=Config(read_timeout=_MIGRATION_SECONDS, retries={"max_attempts": 0}))
    answer = functions.invoke(FunctionName=function, Payload=b"{}")
    result = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        problem = f"the tables could not be brought up to date: {result.get('errorType')}: {result.get('errorMessage')}"
        raise DeployError(problem, f"correct the cause (log: /aws/lambda/{function}), then deploy again")


def parameters_of(stage: str, account: str, project: Path) -> dict[str, str]:
    """A stage's parameters; `{account}` in a value stands for the account's number."""
    path = project / _PARAMETERS / f"{stage}.json"
    try:
        text = path.read_text()
    except FileNotFoundError:
        known = ", ".join(stages(project))
        raise DeployError(f"there is no stage {stage!r}, only {known}", f"write its parameters into {path}") from None
    try:
        return cast(dict[str, str], json.loads(text.replace("{account}", account))["Parameters"])
    except (ValueError, KeyError, TypeError) as error:
        remedy = 'write it as {"Parameters": {"Name": "value"}}'
        raise DeployError(f"{path} cannot be read: {error!r}", remedy) from None


def _defaults(project: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The values that the root template has for its parameters. Raises DeployError for a given one it does not have."""
    declared = read_template(project / package.TEMPLATES / "root.yaml")["Parameters"]
    if unknown := sorted(given.keys() - declared.keys()):
        remedy = f"the parameters it has are {', '.join(sorted(declared))}"
        raise DeployError(f"root.yaml has no parameter {', '.join(unknown)}", remedy)
    return {name: str(told["Default"]) for name, told in declared.items() if "Default" in told}


def _refuse_protected(stage: str, parameters: Mapping[str, str]) -> None:
    """CloudFormation would find database and keys protected only after it has deleted everything that uses them."""
    if parameters.get("DeletionProtection") == "true":
        problem = f"database and API keys of stage {stage} are under deletion protection, nothing was touched"
        raise DeployError(problem, "set DeletionProtection to false in the stage's parameters, deploy, then destroy")


def _tags(stage: str) -> dict[str, str]:
    """What bills and lists of resources can be sorted by."""
    return {"project": "xtage", "stage": stage}


def _root_name(stage: str) -> str:
    return f"xtage-{stage}"


def _artifacts_name(stage: str) -> str:
    return f"xtage-{stage}-artifacts"
