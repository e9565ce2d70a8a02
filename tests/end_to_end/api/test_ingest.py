"""Files in: each stored byte for byte, once per idempotency key, and followed to the rows it became."""

import base64
import json
import threading
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from api.keys import Scope
from tests.end_to_end.api.conftest import BUCKET, Api

HEADER = "Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\n"
CSV = (
    HEADER + "810001,1001,2,10.50,2022-03-04\n810002,1001\n810003,1001,3,1.00,2022-03-04,x\n810004,1001,1,\n"
).encode()
RECORDS = [{"Currency_Code": "CHF", "Date": "2022-01-01", "Exchange_Rate": "0.5"}]
FILES = "/v1/feeds/sales/files"


def post(api: Api, path: str, body: bytes, content_type: str = "text/csv", key: str | None = None) -> requests.Response:
    headers = {"Content-Type": content_type, **({"Idempotency-Key": key} if key else {})}
    return api.ask("POST", path, Scope.INGEST, headers=headers, data=body)


def versions(api: Api, object_key: str) -> list[str]:
    found = api.cloud.client("s3").list_object_versions(Bucket=BUCKET, Prefix=object_key)
    return [one["VersionId"] for one in found.get("Versions", []) if one["Key"] == object_key]


@pytest.fixture(scope="module")
def pushed(api: Api) -> dict[str, Any]:
    """A CSV file with rejects, the same under another name, a JSON body and a file sent by form; all of them loaded."""
    answers = {
        "csv": post(api, FILES, CSV, key="first"),
        "again": post(api, FILES, CSV, "text/csv; charset=utf-8"),
        "json": post(api, "/v1/feeds/exchange_rates/files", json.dumps(RECORDS).encode(), "application/json"),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 202)
    form = api.ask("POST", "/v1/feeds/sales/uploads", Scope.INGEST)
    assert form.status_code == 201
    large = HEADER.encode() + b"".join(b"%d,1001,1,1.00,2022-03-04\n" % n for n in range(820_000, 820_020))
    sent = requests.post(form.json()["url"], data=form.json()["fields"], files={"file": large}, timeout=60)
    assert sent.status_code == 204, sent.text
    api.cloud.wait_for(
        "all four are registered",
        lambda: len(api.rows("select 1 from ops.deliveries where object_key like 'raw/%/api/%'")) >= 4,
    )
    api.cloud.wait_until_idle()
    return {**{name: answer.json() for name, answer in answers.items()}, "form": form.json()}


@pytest.fixture(scope="module")
def at_rest(pushed: dict[str, Any], without_runs: None) -> None:
    """From here on, after the files that are built from, no run begins."""


def test_a_file_pushed_through_the_api_is_in_the_sales_after_its_run(api: Api, pushed: dict[str, Any]) -> None:
    sale = api.get("/v1/sales/810001", Scope.READ)
    assert (sale["amount"], sale["transaction_date"], sale["sale_product_id"]) == (21.0, "2022-03-04", 1001)
    assert api.get("/v1/sales/820019", Scope.READ)["amount"] == 1.0
    assert api.get("/v1/sales", Scope.READ, currency="CHF", limit=1)["items"]
    [record] = [api.get("/v1/sales/810001/provenance", Scope.READ)["sale"]]
    assert record["object_key"] in (pushed["csv"]["object_key"], pushed["again"]["object_key"])


def test_the_answer_names_the_version_and_leads_to_its_delivery(api: Api, pushed: dict[str, Any]) -> None:
    received = pushed["csv"]
    assert versions(api, received["object_key"]) == [received["version_id"]]
    stored = api.cloud.client("s3").get_object(Bucket=BUCKET, Key=received["object_key"])["Body"].read()
    assert stored == CSV
    delivery = api.get(received["delivery"], Scope.INGEST)
    assert {delivery["status"], api.get(pushed["again"]["delivery"])["status"]} == {"loaded", "duplicate"}
    assert delivery == api.get(f"/v1/deliveries/{delivery['delivery_id']}", Scope.OPERATE)
    again = post(api, FILES, CSV, key="first")
    followed = urljoin(again.request.url or "", again.headers["Location"])
    assert followed == f"{api.url}{received['delivery']}"


def test_every_record_of_a_pushed_file_is_counted_and_the_refused_ones_are_told_page_by_page(
    api: Api, pushed: dict[str, Any]
) -> None:
    path = pushed["csv"]["delivery"]
    delivery = api.get(path, limit=2)
    counts = tuple(delivery[name] for name in ("records_read", "records_loaded", "records_rejected"))
    assert counts == (4, 1, 3)
    rest = api.get(path, limit=2, cursor=delivery["rejects"]["next_cursor"])["rejects"]
    rejects = delivery["rejects"]["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert [(one["row_number"], one["line_number"], one["rule"]) for one in rejects] == [
        (2, 3, "field_count"),
        (3, 4, "field_count"),
        (4, 5, "field_count"),
    ]
    assert base64.b64decode(rejects[0]["raw_start"]) == b"810002,1001"
    narrow = api.get(path, Scope.INGEST)["rejects"]["items"]
    assert [set(one) for one in narrow] == [set(rejects[0]) - {"raw_start"}] * 3


def test_the_deliveries_of_a_feed_are_listed_the_newest_first(api: Api, pushed: dict[str, Any]) -> None:
    found = api.everything("/v1/feeds/sales/deliveries", Scope.INGEST, limit=2)
    # A sweep may have found more meanwhile.
    stored = api.rows(
        "select delivery_id from ops.deliveries where feed = 'sales' and delivery_id <= %s order by delivery_id desc",
        found[0]["delivery_id"],
    )
    assert [(one["delivery_id"],) for one in found] == stored
    duplicates = api.everything("/v1/feeds/sales/deliveries", status="duplicate")
    assert {one["status"] for one in duplicates} == {"duplicate"}
    [uploaded] = api.get(pushed["form"]["deliveries"])["items"]
    assert api.get("/v1/feeds/sales/deliveries", object_key="x" * 1024)["items"] == []
    assert (uploaded["status"], uploaded["records_loaded"]) == ("loaded", 20)


@pytest.mark.usefixtures("at_rest")
def test_the_same_idempotency_key_stores_one_version_and_refuses_another_body(api: Api, pushed: dict[str, Any]) -> None:
    again = post(api, FILES, CSV, key="first")
    assert (again.status_code, again.json()) == (202, pushed["csv"] | {"is_new": False})
    other = post(api, FILES, CSV + b"\n", key="first")
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert versions(api, pushed["csv"]["object_key"]) == [pushed["csv"]["version_id"]]
    elsewhere = post(api, "/v1/feeds/products/files", CSV, key="first").json()
    assert elsewhere["object_key"] == "raw/products/api/first"


@pytest.mark.usefixtures("at_rest")
def test_eight_requests_with_one_idempotency_key_at_once_store_one_version(api: Api) -> None:
    bodies = [HEADER.encode() + b"1,1,1,1,2022-01-01\n", HEADER.encode() + b"2,1,1,1,2022-01-01\n"]
    codes: list[int] = []

    def push(body: bytes) -> None:
        codes.append(post(api, FILES, body, key="raced").status_code)

    threads = [threading.Thread(target=push, args=(bodies[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {202, 409, 422}
    assert codes.count(202) >= 1
    assert len(versions(api, "raw/sales/api/raced")) == 1


@pytest.mark.usefixtures("at_rest")
def test_bytes_that_are_no_text_are_stored_as_they_came(api: Api) -> None:
    body = HEADER.encode() + bytes(range(256))
    received = post(api, FILES, body).json()
    stored = api.cloud.client("s3").get_object(Bucket=BUCKET, Key=received["object_key"])["Body"].read()
    assert stored == body


@pytest.mark.usefixtures("at_rest")
@pytest.mark.parametrize(
    ("path", "body", "content_type", "key", "status", "field"),
    [
        pytest.param(FILES, b"", "text/csv", None, 422, "body", id="empty"),
        pytest.param(FILES, b"x" * (4 * 2**20 + 1), "text/csv", None, 413, "body", id="too large"),
        pytest.param(FILES, b"x", "text/html", None, 415, "Content-Type", id="not a file"),
        pytest.param(FILES, b"x", "", None, 415, "Content-Type", id="of no type"),
        pytest.param("/v1/feeds/nothing/files", b"x", "text/csv", None, 404, "feed", id="of no feed"),
        pytest.param(FILES, b"x", "text/csv", "../products/x", 422, "Idempotency-Key", id="a key that is a path"),
        pytest.param(FILES, b"x", "text/csv", "x" * 201, 422, "Idempotency-Key", id="a key too long"),
    ],
)
def test_what_is_no_file_of_a_feed_is_refused_with_field_and_reason_and_nothing_is_stored(
    api: Api, path: str, body: bytes, content_type: str, key: str | None, status: int, field: str
) -> None:
    def objects() -> int:
        found = api.cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="raw/")
        return len(found["Contents"])

    before = objects()
    answer = post(api, path, body, content_type, key)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert objects() == before


@pytest.mark.usefixtures("at_rest")
def test_the_largest_body_that_is_promised_is_taken(api: Api) -> None:
    assert post(api, FILES, b"x" * (4 * 2**20)).status_code == 202


def test_a_form_takes_one_object_of_a_limited_size_for_a_limited_time(api: Api) -> None:
    form = api.ask("POST", "/v1/feeds/sales/uploads", Scope.INGEST).json()
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    assert ["content-length-range", 1, form["max_bytes"]] in policy["conditions"]
    assert {"key": form["object_key"]} in policy["conditions"]
    assert policy["expiration"][:16] == form["expires_at"][:16]
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert form["object_key"].startswith("raw/sales/api/")


@pytest.mark.usefixtures("at_rest")
def test_a_file_that_the_pipeline_has_not_seen_yet_is_told_as_received(api: Api) -> None:
    received = post(api, FILES, CSV.replace(b"8100", b"8300")).json()
    delivery = api.get(received["delivery"])
    assert (delivery["status"], delivery["feed"], delivery["delivery_id"]) == ("received", "sales", None)


def test_a_delivery_that_nobody_knows_is_not_found(api: Api) -> None:
    def name(*parts: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    for wrong in ("424242", "9" * 30, "x", name("raw/sales/api/none", "none"), name("a\0", "b"), name(1, 2), name("a")):
        assert api.ask("GET", f"/v1/deliveries/{wrong}").status_code == 404, wrong
