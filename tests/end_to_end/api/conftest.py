"""One local cloud for all tests of the API: sample feeds, one file more with rejects, a key for each set of scopes."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from api.keys import Scope
from localcloud.ports import free_port
from samples import FILES, make_samples
from tests.end_to_end.conftest import Cloud

BUCKET = "xtage-data-pipeline"
FLAT_FEEDS = ("sales", "transactions", "products", "customers", "exchange_rates")
SALES = "Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\n"
DIRTY = SALES + "17,1001,2,1.00,2022-03-04\n800001,1001,2\n800002,1002,1,-4,2022-03-05\n800003,1002,1,4,\n"


@dataclass(frozen=True)
class Api:
    """The API as its callers see it, and the cloud it runs in."""

    cloud: Cloud
    url: str
    secrets: dict[frozenset[Scope], str]

    def key(self, *scopes: Scope) -> str:
        """A key with exactly these scopes; it is made when it is asked for first."""
        wanted = frozenset(scopes)
        if wanted not in self.secrets:
            options = [option for scope in sorted(wanted) for option in ("--scope", scope)]
            self.secrets[wanted] = self.cloud.ok("key", "create", "--name", "test", *options).strip()
        return self.secrets[wanted]

    def ask(self, method: str, path: str, *scopes: Scope, headers: Any = None, **options: Any) -> requests.Response:
        """The answer to a request with a key of these scopes; with all of them when none is named."""
        given = {"x-api-key": self.key(*(scopes or Scope)), **(headers or {})}
        return requests.request(method, f"{self.url}{path}", headers=given, timeout=60, **options)

    def get(self, path: str, *scopes: Scope, **parameters: Any) -> Any:
        """What a GET answers, which must succeed."""
        answer = self.ask("GET", path, *scopes, params=parameters)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a statement gives to the owner of the database."""
        with self.cloud.connect() as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def everything(self, path: str, *scopes: Scope, cursor: str | None = None, **parameters: Any) -> list[Any]:
        """The items of all pages of a list, from a cursor on."""
        items: list[Any] = []
        while True:
            found = self.get(path, *scopes, **parameters, **({"cursor": cursor} if cursor else {}))
            items += found["items"]
            cursor = found["next_cursor"]
            if cursor is None:
                return items


@pytest.fixture(scope="module")
def without_runs(api: Api) -> Iterator[None]:
    """Files that come in start no run: those of these tests are nothing to build from."""
    s3 = api.cloud.client("s3")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    yield
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("xtage")
    environment = {
        **os.environ,
        "XTAGE_HOME": str(home),
        "XTAGE_POSTGRES_PORT": str(free_port()),
        "XTAGE_AWS_PORT": str(free_port()),
    }
    cloud = Cloud(environment)
    try:
        cloud.ok("up")
        make_samples(home / "samples", seed=7, records=250)
        (home / "dirty.csv").write_text(DIRTY)
        # Without the nested feed, whose Spark job would take longer than all the rest.
        cloud.ok("drop", *(str(home / "samples" / FILES[feed]) for feed in FLAT_FEEDS))
        cloud.ok("drop", "--feed", "sales", str(home / "dirty.csv"))
        cloud.ok("run")
        cloud.wait_until_idle()
        status = json.loads(cloud.ok("status", "--format", "json"))
        yield Api(cloud, status["api_url"], {frozenset(Scope): status["api_key"]})
    finally:
        cloud.run("down")
