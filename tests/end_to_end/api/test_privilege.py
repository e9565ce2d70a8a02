"""The roles of the API and of fetches allow what these ask for, and nothing else."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import msgspec
import pytest

from api.connectors.definition import Connector, load_connectors
from api.connectors.fetch import Surroundings, fetch, secret_name
from api.connectors.state import Fetch, Memory
from api.keys import Scope
from loaders.contract import load_contracts
from tests.end_to_end.api.conftest import BUCKET, SALES, Api
from tests.integration.api.source import Source, answers, make_certificate
from tests.privilege.roles import Roles, idle_reasons, unexplained

STAGE = "local"
NAME = "exchange_rates"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """A system to fetch one rate from."""
    certificate, key = make_certificate(tmp_path_factory.mktemp("source"))
    made = Source(certificate)
    server = made.start(key)
    made.script[:] = [answers(200, '{"data": [{"Currency_Code": "EUR", "Date": "2022-01-01", "Exchange_Rate": 0.9}]}')]
    yield made
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("without_runs")
def test_every_role_of_the_api_allows_what_its_function_asks_for_and_nothing_else(api: Api, source: Source) -> None:
    roles = Roles.of(api.cloud, "Api")
    push_twice_and_follow(api)
    api.cloud.client("lambda").invoke(FunctionName="xtage-local-fetch", Payload=b'{"scheduled": true}')
    assert api.ask("POST", f"/v1/connectors/{NAME}/fetch", Scope.OPERATE).status_code in (202, 409)
    # Before there is a token: it must not go out to the internet.
    api.cloud.wait_for("the fetch ends", lambda: bool(api.get(f"/v1/connectors/{NAME}")["last_fetch"]["finished_at"]))
    fetch_as(api, roles.names["api.FetchRole"], source)
    crash_unheard(api)
    assert roles.refused() == set()
    assert unexplained(roles.grants(), roles.used()) == []
    assert idle_reasons(roles.grants(), roles.used()) == []


def push_twice_and_follow(api: Api) -> None:
    """Stores a file, the same again under the same key, and asks what became of it before any run has seen it."""
    key = uuid.uuid4().hex
    headers = {"Content-Type": "text/csv", "Idempotency-Key": key}
    body = f"{SALES}880001,1001,1,1.00,2022-03-04\n".encode()
    sent = [api.ask("POST", "/v1/feeds/sales/files", Scope.INGEST, headers=headers, data=body) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert api.get(sent[0].json()["delivery"], Scope.INGEST)["status"] == "received"


def crash_unheard(api: Api) -> None:
    """Has a fetch that nobody waits for end without a word: the dead-letter queue says of what."""
    fetch = {"FunctionName": "xtage-local-fetch", "InvocationType": "Event"}
    api.cloud.client("lambda").invoke(**fetch, Payload=b'{"connector": "nowhere"}')
    sqs = api.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="xtage-local-undelivered")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["requestPayload"] == {"connector": "nowhere"}
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def fetch_as(api: Api, role: str, source: Source) -> None:
    """One fetch by the function's own code with its role's keys: the function trusts no certificate made here."""
    cloud = api.cloud
    arn = cloud.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1")

    def client(service: str) -> Any:
        endpoint = f"http://127.0.0.1:{cloud.environment['XTAGE_AWS_PORT']}"
        return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload]

    secret = json.dumps({"token": "any"})
    cloud.client("secretsmanager").create_secret(Name=secret_name(STAGE, NAME), SecretString=secret)
    try:
        around = Surroundings(
            s3=client("s3"),
            secrets=client("secretsmanager"),
            memory=Memory(client("ssm"), STAGE, NAME),
            bucket=BUCKET,
            stage=STAGE,
            seconds_left=lambda: 60,
            ca_file=str(source.certificate),
        )
        begun = Fetch(fetch_id=str(uuid.uuid4()), status="queued", queued_at=datetime.now(UTC))
        assert fetch(connector_to(source), begun, around).error is None
    finally:
        cloud.client("secretsmanager").delete_secret(SecretId=secret_name(STAGE, NAME), ForceDeleteWithoutRecovery=True)


def connector_to(source: Source) -> Connector:
    """One that ships with the project, led to the test's source."""
    shipped = load_connectors(load_contracts())[NAME]
    return msgspec.structs.replace(shipped, base_url=source.url, allow_private_addresses=True)
