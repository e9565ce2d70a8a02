"""Functions, builds and jobs ask the embedded AWS as their role; what it does not allow is denied and written down."""

import json
import uuid
from typing import Any

import pytest

from localcloud.aws.launcher import PERMISSIONS
from tests.infra.localcloud.conftest import Cloud

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# Does what it is told with S3, and answers with the error's code.
SOURCE = """
    import boto3
    from botocore.exceptions import ClientError

    def handler(event, context):
        try:
            getattr(boto3.client("s3"), event["call"])(**event["arguments"])
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "done"
"""


class Role:
    """A role, a bucket, and a function that has the role."""

    def __init__(self, cloud: Cloud, *statements: dict[str, Any]) -> None:
        self.cloud, self.name, self.bucket = cloud, f"role-{uuid.uuid4().hex[:8]}", f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.aws.client("s3").create_bucket(Bucket=self.bucket)
        cloud.aws.client("s3").put_object(Bucket=self.bucket, Key="there/a", Body=b"a")
        iam = cloud.aws.client("iam")
        arn = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).replace("BUCKET", self.bucket)
        iam.put_role_policy(RoleName=self.name, PolicyName="all", PolicyDocument=text)
        self.function = cloud.function(SOURCE, Role=arn, Timeout=60)

    def ask(self, call: str, **arguments: Any) -> str:
        error, answer = self.cloud.invoke(
            self.function, {"call": call, "arguments": {"Bucket": self.bucket} | arguments}
        )
        assert error is None, answer
        return str(answer)

    def written_down(self) -> set[tuple[str, str | None]]:
        lines = (self.cloud.aws.settings.home / PERMISSIONS).read_text().splitlines()
        return {(one["action"], one["statement"]) for one in map(json.loads, lines) if one["role"] == self.name}


READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET/there/*"}
LIST = {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::BUCKET"}
WITH_PREFIX = LIST | {"Condition": {"StringLike": {"s3:prefix": "there/*"}}}


def test_a_function_may_do_what_its_role_allows_and_nothing_else(cloud: Cloud) -> None:
    role = Role(cloud, READ)
    assert role.ask("get_object", Key="there/a") == "done"
    assert role.ask("put_object", Key="there/b", Body="b") == "AccessDenied"
    assert role.ask("get_object", Key="elsewhere/a") == "AccessDenied"
    assert role.written_down() == {("s3:GetObject", "Read"), ("s3:PutObject", None), ("s3:GetObject", None)}


def test_a_wildcard_stands_for_any_text(cloud: Cloud) -> None:
    role = Role(cloud, READ)
    cloud.aws.client("s3").put_object(Bucket=role.bucket, Key="there/a\nb", Body=b"a")
    assert role.ask("get_object", Key="there/a\nb") == "done"


def test_every_object_of_a_batch_needs_its_permission(cloud: Cloud) -> None:
    delete = READ | {"Sid": "Delete", "Action": "s3:DeleteObject"}
    role = Role(cloud, delete)
    objects = [{"Key": "there/a"}, {"Key": "elsewhere/a"}]
    assert role.ask("delete_objects", Delete={"Objects": objects[:1]}) == "done"
    assert role.ask("delete_objects", Delete={"Objects": objects}) == "AccessDenied"


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        pytest.param([READ], "AccessDenied", id="may not list"),
        pytest.param([READ, LIST], "NoSuchKey", id="may list"),
        pytest.param([READ, WITH_PREFIX], "AccessDenied", id="may list a prefix, which the request does not name"),
    ],
)
def test_whoever_may_not_list_is_not_told_that_an_object_is_missing(
    cloud: Cloud, statements: list[dict[str, Any]], code: str
) -> None:
    assert Role(cloud, *statements).ask("get_object", Key="there/none") == code


def test_conditions_of_a_statement_are_kept(cloud: Cloud) -> None:
    role = Role(cloud, WITH_PREFIX)
    assert role.ask("list_objects_v2", Prefix="there/") == "done"
    assert role.ask("list_objects_v2", Prefix="elsewhere/") == "AccessDenied"


def test_the_operator_and_a_role_that_nobody_made_may_do_everything(cloud: Cloud) -> None:
    role = Role(cloud, READ)
    cloud.aws.client("s3").put_object(Bucket=role.bucket, Key="elsewhere/a", Body=b"a")
    arguments = {"Bucket": role.bucket, "Key": "elsewhere/a"}
    assert cloud.invoke(cloud.function(SOURCE), {"call": "get_object", "arguments": arguments}) == (None, "done")
