"""Who is let in, through API Gateway and its authorizer."""

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from api.documentation import openapi, register_routes
from api.keys import Scope
from tests.end_to_end.api.conftest import Api

register_routes()
PLACES = {
    "feed": "sales",
    "transaction_id": "17",
    "product_id": "1",
    "customer_id": "1",
    "delivery_id": "1",
    "name": "exchange_rates",
}


def paths() -> list[tuple[str, str, tuple[str, ...]]]:
    """Method, path and the scopes that let in, of everything in the OpenAPI document."""
    found = []
    for path, operations in json.loads(openapi())["paths"].items():
        for method, operation in operations.items():
            needed = operation["description"].rpartition("Needs the scope ")[2]
            scopes = tuple(scope for scope in Scope if f"`{scope}`" in needed)
            found.append((method.upper(), path.format(**PLACES), scopes))
    return found


PATHS = paths()


def problem(answer: requests.Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code
    assert set(told) == {"type", "title", "status", "detail", "errors"}
    return told


@pytest.mark.parametrize(("method", "path", "scopes"), PATHS, ids=[f"{one[0]} {one[1]}" for one in PATHS])
def test_every_path_refuses_callers_without_a_key_with_a_wrong_one_and_with_too_narrow_ones(
    api: Api, method: str, path: str, scopes: tuple[str, ...]
) -> None:
    bare = requests.request(method, f"{api.url}{path}", timeout=60)
    assert (bare.status_code, problem(bare)["errors"][0]["field"]) == (401, "x-api-key")
    for wrong in ("xtage_wrong", "", "' or true --", "x" * 8000):
        answer = requests.request(method, f"{api.url}{path}", headers={"x-api-key": wrong}, timeout=60)
        assert answer.status_code == 401, wrong[:20]
        problem(answer)
    for scope in set(Scope) - set(scopes):
        assert problem(api.ask(method, path, scope))["status"] == 403, scope


def test_the_hash_of_a_key_is_no_key(api: Api) -> None:
    [item] = [key for key in _hashes(api) if key["name"] == {"S": "local"}]
    answer = requests.get(f"{api.url}/v1/health", headers={"x-api-key": item["key_hash"]["S"]}, timeout=60)
    assert answer.status_code == 401


def test_keys_are_kept_as_hashes_only_and_no_log_has_them(api: Api) -> None:
    secret = api.key(*Scope)
    api.get("/v1/health")
    assert secret not in json.dumps(_hashes(api))
    gateway = api.cloud.client("apigateway")
    assert secret not in json.dumps(gateway.get_api_keys(includeValues=True)["items"], default=str)
    home = Path(api.cloud.environment["XTAGE_HOME"])
    assert stat.S_IMODE((home / "api-key").stat().st_mode) == 0o600
    pages = api.cloud.client("logs").get_paginator("filter_log_events")
    told = "".join(
        event["message"]
        for function in ("api", "authorizer")
        for found in pages.paginate(logGroupName=f"/aws/lambda/xtage-local-{function}")
        for event in found["events"]
    )
    assert "/v1/health" in told
    assert secret not in told
    assert secret not in (home / "logs" / "aws.log").read_text()


def test_a_revoked_key_is_let_in_no_more(api: Api) -> None:
    secret = api.cloud.ok("key", "create", "--name", "guest", "--scope", "read").strip()
    ask = {"headers": {"x-api-key": secret}, "timeout": 60}
    assert requests.get(f"{api.url}/v1/health", **ask).status_code == 200
    [key] = [key for key in json.loads(api.cloud.ok("key", "list", "--format", "json")) if key["name"] == "guest"]
    assert key["scopes"] == ["read"]
    api.cloud.ok("key", "revoke", key["key_id"])
    assert requests.get(f"{api.url}/v1/health", **ask).status_code == 401
    assert "guest" not in api.cloud.ok("key", "list")
    refused = api.cloud.run("key", "revoke", key["key_id"])
    assert (refused.returncode, "xtage key list" in refused.stderr) == (1, True)


def test_the_local_key_stays_the_same_when_the_cloud_is_brought_up_again(api: Api) -> None:
    before = api.cloud.status()
    api.cloud.ok("up")
    after = api.cloud.status()
    assert (after["api_key"], after["api_url"]) == (before["api_key"], before["api_url"])
    assert api.get("/v1/health")["status"] == "ok"


def test_the_reader_of_the_database_cannot_write_anything(api: Api) -> None:
    secrets = api.cloud.client("secretsmanager")
    texts = [
        secrets.get_secret_value(SecretId=one["ARN"])["SecretString"] for one in secrets.list_secrets()["SecretList"]
    ]
    [reader] = [one for one in map(json.loads, texts) if one["username"] == "xtage_reader"]
    import psycopg

    connection = psycopg.connect(
        host=reader["host"],
        port=reader["port"],
        dbname=reader["dbname"],
        user=reader["username"],
        password=reader["password"],
        autocommit=True,
    )
    connection.execute("set default_transaction_read_only = off")
    for statement in (
        "delete from raw.sales",
        "update ops.deliveries set status = 'failed'",
        "drop table marts.unified_sales",
        "create table marts.mine (one int)",
        "create schema mine",
        "alter role xtage_reader createrole",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
    connection.close()


def test_a_path_that_is_not_there_and_a_method_that_a_path_does_not_take_are_told(api: Api) -> None:
    assert problem(api.ask("GET", "/v1/nothing"))["status"] == 404
    refused = api.ask("DELETE", "/v1/sales")
    assert (problem(refused)["status"], refused.headers["Allow"]) == (405, "GET")


def test_the_page_about_the_api_and_all_it_is_made_of_come_from_the_api_without_a_key(api: Api) -> None:
    page = requests.get(f"{api.url}/v1/docs", timeout=60)
    assert page.headers["Content-Type"].startswith("text/html")
    for asset in ("swagger-ui-bundle.min.js", "swagger-ui.min.css", "start.js"):
        assert f"docs/{asset}" in page.text
        assert requests.get(f"{api.url}/v1/docs/{asset}", timeout=60).status_code == 200
    assert "http" not in page.text
    assert requests.get(f"{api.url}/v1/openapi.json", timeout=60).json()["openapi"].startswith("3.1")
    assert requests.get(f"{api.url}/v1/docs/nothing.js", timeout=60).status_code == 404


def test_a_restart_of_the_database_is_no_error(api: Api) -> None:
    api.get("/v1/health")
    with api.cloud.connect() as connection:
        connection.execute("set role none")
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'xtage api'"
        )
    time.sleep(0.2)
    assert api.get("/v1/health")["status"] == "ok"


def _hashes(api: Api) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.cloud.client("dynamodb").scan(TableName="xtage-local-api-keys")["Items"]
    return items
