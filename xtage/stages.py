"""Where a stage is: the AWS it lives in and what its stack says about itself.

`local` is the embedded AWS of `xtage up`; any other name is a stack in the AWS account of the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.settings import Settings
from xtage.errors import OperatorError

LOCAL = "local"
REGION = "us-east-1"
# A dead local cloud must be told at once, not after five attempts of a minute each.
PATIENCE = Config(connect_timeout=5, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 2})


@dataclass(frozen=True)
class Stage:
    """A deployed stage. `outputs` are those of its root stack."""

    name: str
    session: boto3.Session
    outputs: Mapping[str, str] = field(default_factory=dict)

    def client(self, service: Any) -> Any:
        """A boto3 client for this stage's AWS."""
        return self.session.client(service, config=PATIENCE)


def find_stage(name: str = LOCAL) -> Stage:
    """The stage of this name. Raises OperatorError when nothing is deployed under it, or its deployment failed."""
    session = session_for(name)
    try:
        stacks = session.client("cloudformation", config=PATIENCE).describe_stacks(StackName=f"xtage-{name}")["Stacks"]
    except ClientError as problem:
        if "does not exist" not in str(problem):
            raise
        raise OperatorError(f"nothing is deployed as stage {name}", _deploying(name)) from None
    status, outputs = stacks[0]["StackStatus"], stacks[0].get("Outputs", [])
    if not outputs:
        raise OperatorError(f"stage {name} is not deployed: its stack xtage-{name} is {status}", _deploying(name))
    return Stage(name, session, {output["OutputKey"]: output["OutputValue"] for output in outputs})


def _deploying(name: str) -> str:
    return "start it with `xtage up`" if name == LOCAL else f"deploy it with `xtage deploy --stage {name}`"


def session_for(name: str) -> boto3.Session:
    """A session of the stage's AWS; for `local` it points the environment, and so every client, at the embedded one."""
    if name != LOCAL:
        # boto3 reads AWS_DEFAULT_REGION only; the AWS CLI asks AWS_REGION first.
        return boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
    os.environ.update(local_environment(Settings.from_environment()))
    os.environ.pop("AWS_PROFILE", None)
    return boto3.Session()


def api_url(settings: Settings, outputs: Mapping[str, str]) -> str | None:
    """Where the local API answers, without a slash at the end; None while it is not deployed.

    The host that API Gateway has on AWS does not exist here, so the embedded one takes the API from the path.
    """
    if "ApiId" not in outputs:
        return None
    return f"http://127.0.0.1:{settings.aws_port}/_aws/execute-api/{outputs['ApiId']}/{outputs['ApiStageName']}"


def local_environment(settings: Settings) -> dict[str, str]:
    """What any AWS client needs in its environment to speak to the embedded AWS."""
    proxied = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = ",".join(filter(None, (proxied, "127.0.0.1")))
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{settings.aws_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "NO_PROXY": hosts,
        "no_proxy": hosts,
    }
