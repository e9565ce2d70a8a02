"""Empty tables and a bucket of its own for each test, and the Lambda entries called as Step Functions calls them."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pg8000.dbapi
import pytest

from loaders import handler
from loaders.contract import load_contracts
from loaders.errors import TransientError
from loaders.migrate import migrate
from localcloud.aws import Aws
from localcloud.aws.launcher import ACCESS_KEY, REGION, SECRET_KEY
from localcloud.postgres import IN_THE_CLEAR, USER, Postgres
from localcloud.settings import PROJECT
from tests.conftest import make_database
from xtage.deploy.package import glue_packages, glue_script

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:xtage:one"
SALES = b"Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\n"


@dataclass
class Context:
    """What a Lambda gets beside its event."""

    remaining_milliseconds: int = 900_000
    function_name: str = "load"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:load"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


@dataclass(frozen=True)
class Store:
    """A versioned bucket, a client for it, and the environment in which others find its S3 and the secrets."""

    s3: Any
    bucket: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Pipeline:
    """A database with empty tables, an empty versioned bucket, and their environment."""

    postgres: Postgres
    database: str
    s3: Any
    secrets: Any
    credentials: dict[str, Any]
    bucket: str
    environment: dict[str, str]

    def connect(self) -> pg8000.dbapi.Connection:
        settings = self.postgres.settings
        return pg8000.dbapi.connect(
            USER,
            "127.0.0.1",
            self.database,
            settings.postgres_port,
            settings.postgres_password,
            timeout=60,
            ssl_context=IN_THE_CLEAR,
        )

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        connection = self.connect()
        try:
            cursor = connection.cursor()
            cursor.execute(sql, parameters)
            rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            connection.commit()
            return rows
        finally:
            connection.close()

    def call(self, entry: str, event: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
        """One Lambda invocation; the answer must survive JSON, as it does between Lambda and Step Functions."""
        answer = getattr(handler, entry)(event, context or Context())
        decoded: dict[str, Any] = json.loads(json.dumps(answer))
        return decoded

    def put(self, key: str, body: bytes, *, delivered_at: str | None = None) -> dict[str, Any]:
        """Drops a file; returns the event that S3 sends about it."""
        metadata = {"delivered-at": delivered_at} if delivered_at else {}
        answer = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=metadata)
        described = {
            "key": key,
            "size": len(body),
            "etag": answer["ETag"].strip('"'),
            "version-id": answer["VersionId"],
            "sequencer": uuid.uuid4().hex[:16].upper(),
        }
        return {"source": "aws.s3", "detail": {"bucket": {"name": self.bucket}, "object": described}}

    def open(self, event: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        return self.call(
            "open_run", {"execution_arn": EXECUTION, "event": event, "sweep": False, "dead_holder": None} | more
        )

    def deliver(self, key: str, body: bytes, *, delivered_at: str | None = None) -> int:
        """Drops a file and registers it; returns its delivery id."""
        event = self.put(key, body, delivered_at=delivered_at)
        self.open(event)
        version = event["detail"]["object"]["version-id"]
        return int(self.query("select delivery_id from ops.deliveries where version_id = %s", version)[0][0])

    def load(self, delivery_id: int, context: Context | None = None) -> dict[str, Any]:
        return self.call("load", {"delivery_id": delivery_id, "run_id": None}, context)

    def load_until_settled(self, delivery_id: int) -> str:
        """Tries again after transient errors, as Step Functions does; returns the delivery's status."""
        for _ in range(100):
            try:
                return str(self.load(delivery_id)["status"])
            except TransientError:
                time.sleep(0.1)
        pytest.fail("every attempt met a transient error")

    def secret(self, **changes: Any) -> str:
        """A second secret, like the first but for some changes; returns its name."""
        name = f"{self.bucket}-{uuid.uuid4().hex[:8]}"
        self.secrets.create_secret(Name=name, SecretString=json.dumps(self.credentials | changes))
        return name

    def status(self, delivery_id: int) -> str:
        return str(self.query("select status from ops.deliveries where delivery_id = %s", delivery_id)[0][0])


@pytest.fixture(scope="session")
def clients(aws: Aws) -> dict[str, Any]:
    """Clients of the embedded AWS; making one takes longer than most tests."""
    return {service: aws.client(service) for service in ("s3", "secretsmanager")}


@pytest.fixture(scope="session")
def run_job(aws: Aws) -> Callable[..., dict[str, Any]]:
    """Runs a Glue job of the project on the embedded AWS, by its script's name; returns the run."""
    glue, s3 = aws.client("glue"), aws.client("s3")
    bucket = f"code-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    packages = glue_packages(PROJECT)
    s3.put_object(Bucket=bucket, Key=packages.key, Body=packages.read())
    for name in ("json_to_tabular", "publish_lake"):
        script = glue_script(PROJECT, name)
        s3.put_object(Bucket=bucket, Key=script.key, Body=script.read())
        glue.create_job(
            Name=f"{name}-{bucket}",
            Role="arn:aws:iam::000000000000:role/test",
            GlueVersion="5.1",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/{script.key}"},
            DefaultArguments={"--extra-py-files": f"s3://{bucket}/{packages.key}"},
        )

    def run(name: str, **arguments: str) -> dict[str, Any]:
        given = {f"--{argument}": value for argument, value in arguments.items()}
        job = f"{name}-{bucket}"
        run_id = glue.start_job_run(JobName=job, Arguments=given)["JobRunId"]
        while not (found := glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]).get("CompletedOn"):
            time.sleep(0.1)
        return dict(found)

    return run


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """A database beside the one that other tests use; making one for each test would take seconds."""
    return make_database(postgres, "loaders")


@pytest.fixture
def store(aws: Aws, clients: dict[str, Any]) -> Store:
    """A bucket of its own."""
    name = f"loaders-{uuid.uuid4().hex[:12]}"
    s3 = clients["s3"]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    environment = {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
    return Store(s3, name, environment)


@pytest.fixture
def pipeline(
    postgres: Postgres, store: Store, clients: dict[str, Any], database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    name = f"loaders-{uuid.uuid4().hex[:12]}"
    secret = {
        "host": "127.0.0.1",
        "port": postgres.settings.postgres_port,
        "dbname": database,
        "username": USER,
        "password": postgres.settings.postgres_password,
        "engine": "postgresql",
    }
    secrets = clients["secretsmanager"]
    secrets.create_secret(Name=name, SecretString=json.dumps(secret))
    environment = {
        "RAW_BUCKET": store.bucket,
        "DATABASE_SECRET": name,
        "DATABASE_TLS": "off",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        **store.environment,
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    made = Pipeline(postgres, database, store.s3, secrets, secret, store.bucket, environment)
    connection = made.connect()
    connection.cursor().execute("drop schema if exists raw, ops cascade")
    migrate(connection, load_contracts())
    connection.close()
    yield made
    # A warm worker outlives a test as little as a Lambda outlives its stage.
    if handler._Worker.connection is not None:
        handler._Worker.connection.close()
    handler._Worker.connection = None


def utc(text: str) -> datetime:
    """A time as the ledger holds it: UTC, without a zone."""
    return datetime.fromisoformat(text)
