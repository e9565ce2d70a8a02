"""Fetches from a source that misbehaves in every way: all of it lands, or nothing does and the state says why."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from api.connectors import http
from api.connectors.definition import DIRECTORY, Connector, load_connectors
from api.connectors.fetch import Surroundings, fetch, secret_name
from api.connectors.state import Fetch, Memory
from loaders.contract import load_contracts
from loaders.errors import TerminalError
from loaders.parse import read
from localcloud.aws import Aws
from tests.integration.api.source import Behaviour, Source, answers, cut, hang_up, listed, make_certificate, sleeps

RATES = [
    f'{{"Currency_Code": "EUR", "Date": "2022-01-{day:02}", "Exchange_Rate": 0.9{day}00000000001}}' for day in (1, 2)
]
CUSTOMERS = [f'{{"Customer_ID": {n}, "Customer_Name": "Zoë \\u00e9 {n}", "Age": 40}}' for n in (1, 2, 3)]
ASKED_AT = datetime(2022, 5, 6, 23, 59, 59, tzinfo=UTC)


def rates(*records: str) -> Behaviour:
    """A page of exchange rates."""
    return answers(200, f'{{"data": [{",".join(records)}]}}')


def customers(*records: str, following: str | None = None) -> Behaviour:
    """A page of customers that names the next one."""
    headers = {"Link": f'<{following}>; rel="next", </first>; rel="first"'} if following else {}
    return answers(200, f"[{','.join(records)}]", **headers)


@dataclass
class Bench:
    """A source, a bucket, and a connector that leads from one to the other."""

    s3: Any
    secrets: Any
    ssm: Any
    source: Source
    bucket: str
    stage: str

    def connector(self, name: str, **changes: Any) -> Connector:
        """One that ships with the project, led to the test's source."""
        shipped = load_connectors(load_contracts())[name]
        here = {"base_url": self.source.url, "allow_private_addresses": True, "requests_per_second": 1000.0}
        return msgspec.structs.replace(shipped, **(here | changes))

    def memory(self, name: str) -> Memory:
        return Memory(self.ssm, self.stage, name)

    def fetch(self, connector: Connector, *script: Behaviour, seconds: float = 60, trust: bool = True) -> Fetch:
        """One fetch while the source answers so."""
        self.source.script[:] = script
        begun = Fetch(fetch_id=str(uuid.uuid4()), status="queued", queued_at=ASKED_AT)
        around = Surroundings(
            s3=self.s3,
            secrets=self.secrets,
            memory=self.memory(connector.name),
            bucket=self.bucket,
            stage=self.stage,
            seconds_left=lambda: seconds,
            ca_file=str(self.source.certificate) if trust else None,
        )
        ended = fetch(connector, begun, around)
        assert self.memory(connector.name).last_fetch() == ended
        return ended

    def objects(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [one["Key"] for one in found]

    def body(self, ended: Fetch) -> bytes:
        assert ended.object_key
        answer = self.s3.get_object(Bucket=self.bucket, Key=ended.object_key, VersionId=ended.version_id)
        content: bytes = answer["Body"].read()
        return content


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    certificate, key = make_certificate(tmp_path_factory.mktemp("source"))
    source = Source(certificate)
    server = source.start(key)
    yield source
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def clients(aws: Aws) -> dict[str, Any]:
    """Made once: making one takes longer than most fetches."""
    return {"s3": aws.client("s3"), "secrets": aws.client("secretsmanager"), "ssm": aws.client("ssm")}


@pytest.fixture
def bench(clients: dict[str, Any], source: Source, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(http, "FIRST_PAUSE", 0.01)
    stage, bucket = f"s{uuid.uuid4().hex[:8]}", f"fetched-{uuid.uuid4().hex[:8]}"
    s3 = clients["s3"]
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for name in ("exchange_rates", "customers"):
        secret = json.dumps({"token": f"token of {name}"})
        clients["secrets"].create_secret(Name=secret_name(stage, name), SecretString=secret)
    source.requests.clear()
    return Bench(**clients, source=source, bucket=bucket, stage=stage)


def test_all_pages_by_number_become_one_object_with_every_digit_and_the_watermark_moves(bench: Bench) -> None:
    connector = bench.connector(
        "exchange_rates", paging=msgspec.structs.replace(bench.connector("exchange_rates").paging, size=None)
    )
    ended = bench.fetch(connector, rates(RATES[0]), rates(RATES[1]), rates())
    assert (ended.status, ended.pages, ended.records, ended.error) == ("succeeded", 3, 2, None)
    assert bench.body(ended) == f"[{RATES[0]},\n{RATES[1]}]".encode()
    assert bench.objects() == [f"raw/exchange_rates/connectors/exchange_rates/{ended.fetch_id}.json"]
    assert [one.parameters["page"] for one in bench.source.requests] == ["1", "2", "3"]
    first = bench.source.requests[0]
    assert (first.path, first.headers["authorization"]) == ("/api/exchange_rates", "Bearer token of exchange_rates")
    assert (first.parameters["date_from"], first.parameters["date_to"]) == ("2022-01-01", "2022-05-06")
    assert bench.memory("exchange_rates").watermark() == ASKED_AT.date()


def test_all_pages_by_link_become_one_object_that_the_loader_reads_whole(bench: Bench) -> None:
    connector = bench.connector("customers")
    pages = [customers(CUSTOMERS[0], following="/api/customer_data?cursor=b"), customers(*CUSTOMERS[1:])]
    ended = bench.fetch(connector, *pages)
    assert (ended.status, ended.pages, ended.records) == ("succeeded", 2, 3)
    assert [one.headers["x-api-key"] for one in bench.source.requests] == ["token of customers"] * 2
    assert bench.source.requests[1].parameters == {"cursor": "b"}
    reader = read(BytesIO(bench.body(ended)), str(ended.object_key), load_contracts()["customers"])
    list(reader)
    assert (reader.summary.records_loaded, reader.summary.records_rejected) == (3, 0)


def test_a_page_with_fewer_records_than_asked_for_is_the_last(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("exchange_rates"), rates(*RATES), answers(500))
    assert (ended.status, ended.pages) == ("succeeded", 1)


def test_the_next_fetch_begins_at_the_last_day_of_the_one_before(bench: Bench) -> None:
    bench.memory("exchange_rates").keep_watermark(date(2022, 3, 4))
    ended = bench.fetch(bench.connector("exchange_rates"), rates(*RATES))
    assert bench.source.requests[0].parameters["date_from"] == "2022-03-04"
    assert ended.first_day == date(2022, 3, 4)


def test_nothing_new_is_a_success_without_an_object(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("exchange_rates"), rates())
    assert (ended.status, ended.records, ended.object_key, bench.objects()) == ("succeeded", 0, None, [])
    assert bench.memory("exchange_rates").watermark() == ASKED_AT.date()


def test_a_full_feed_of_no_records_fails_for_it_would_close_every_one(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("customers"), customers())
    assert (ended.status, bench.objects()) == ("failed", [])
    assert "not one record" in str(ended.error)


PASSING = {
    "429 with seconds": answers(429, Retry_After="0"),
    "429 with a date": answers(429, Retry_After=format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)),
    "429 with nonsense": answers(429, Retry_After="soon"),
    "500": answers(500, "<html>", "text/html"),
    "503": answers(503, Retry_After="0"),
    "no answer": hang_up,
    "an answer cut off": cut(listed([])),
}


@pytest.mark.parametrize("name", ["exchange_rates", "customers"])
@pytest.mark.parametrize("behaviour", PASSING)
def test_what_passes_by_itself_is_tried_again(bench: Bench, behaviour: str, name: str) -> None:
    page = rates(*RATES) if name == "exchange_rates" else customers(*CUSTOMERS)
    ended = bench.fetch(bench.connector(name), PASSING[behaviour], PASSING[behaviour], page)
    assert (ended.status, ended.error) == ("succeeded", None)
    assert len(bench.source.requests) == 3


BROKEN = {
    "always 500": (answers(500), "answered 500"),
    "always cut off": (cut(listed([])), "could not be read"),
    "a wait that is too long": (answers(429, Retry_After="86400"), "answered 429"),
    "an expired token": (answers(401), "token is wrong or expired"),
    "a token that may not": (answers(403), "token is wrong or expired"),
    "not found": (answers(404), "answered 404"),
    "a page of HTML": (answers(200, "<html>please log in</html>", "text/html"), "text/html, not JSON"),
    "a page of no type": (answers(200, "[]", ""), "of no type, not JSON"),
    "broken JSON": (answers(200, '{"data": [{"a": 1}'), "is broken"),
    "bytes that are no text": (answers(200, b'{"data": [{"a": "\xff"}]}'), "is broken"),
    "texts in the place of records": (answers(200, '{"data": ["a"]}'), "is broken"),
    "an object in the place of a list": (answers(200, '{"data": {}}'), "is broken"),
    "another host": (answers(302, Location="https://example.com/"), "another host"),
    "another port": (answers(302, Location="https://127.0.0.1:1/"), "another host"),
    "plain http": (answers(302, Location="http://127.0.0.1/"), "no https address"),
    "a redirect in a circle": (answers(302, Location="/api/exchange_rates"), "redirects for ever"),
}


@pytest.mark.parametrize("name", ["exchange_rates", "customers"])
@pytest.mark.parametrize("behaviour", BROKEN)
def test_a_page_that_stays_broken_fails_the_fetch_whole_and_the_watermark_stays(
    bench: Bench, behaviour: str, name: str
) -> None:
    broken, told = BROKEN[behaviour]
    bench.memory(name).keep_watermark(date(2022, 3, 4))
    good = rates(*RATES) if name == "exchange_rates" else customers(*CUSTOMERS, following="/api/customer_data?cursor=b")
    paging: dict[str, Any] = {}
    if name == "exchange_rates":
        # Two full pages, the second of which is broken.
        paging = {"paging": msgspec.structs.replace(bench.connector(name).paging, size=2)}
    ended = bench.fetch(bench.connector(name, **paging), good, broken, seconds=20)
    assert ended.status == "failed"
    assert told in str(ended.error)
    assert ended.finished_at is not None
    assert bench.objects() == []
    assert bench.memory(name).watermark() == date(2022, 3, 4)
    assert "token of" not in str(ended.error)


def test_a_source_without_the_list_is_told_by_the_name_of_what_is_missing(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("exchange_rates"), answers(200, '{"items": []}'))
    assert "has no 'data'" in str(ended.error)


def test_a_page_that_comes_again_fails_the_fetch(bench: Bench) -> None:
    paging = msgspec.structs.replace(bench.connector("exchange_rates").paging, size=2)
    by_number = bench.fetch(bench.connector("exchange_rates", paging=paging), rates(*RATES))
    by_link = bench.fetch(bench.connector("customers"), customers(*CUSTOMERS, following="/api/customer_data"))
    for ended in (by_number, by_link):
        assert (ended.status, "page 2 is page 1 again" in str(ended.error)) == ("failed", True)
    assert bench.objects() == []


def test_a_redirect_on_the_same_host_is_followed(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("customers"), answers(307, Location="/moved"), customers(*CUSTOMERS))
    assert (ended.status, bench.source.requests[1].path) == ("succeeded", "/moved")


def test_a_source_that_is_silent_or_trickles_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.2)
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    ended = bench.fetch(bench.connector("customers"), sleeps(0.6, customers(*CUSTOMERS)))
    assert (ended.status, "could not be read" in str(ended.error)) == ("failed", True)
    late = bench.fetch(bench.connector("customers"), customers(*CUSTOMERS), seconds=-1)
    assert (late.status, "too slowly" in str(late.error)) == ("failed", True)


def test_a_page_without_end_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_PAGE_BYTES", 100_000)
    ended = bench.fetch(bench.connector("customers"), answers(200, "[" + " " * 200_000 + "]"))
    assert "more than 100000 bytes" in str(ended.error)


def test_requests_keep_the_rate(bench: Bench) -> None:
    paging = msgspec.structs.replace(bench.connector("exchange_rates").paging, size=1)
    pages = [rates(RATES[0]), rates(RATES[1]), rates()]
    bench.fetch(bench.connector("exchange_rates", paging=paging, requests_per_second=2.0), *pages)
    times = [one.at for one in bench.source.requests]
    assert len(times) == 3
    # Half a second between any two when they are sent; how long each is under way differs a little.
    assert all(later - earlier >= 0.45 for earlier, later in pairwise(times))


def test_a_private_address_is_refused_unless_it_is_allowed(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("customers", allow_private_addresses=False), customers(*CUSTOMERS))
    assert "private address" in str(ended.error)
    assert bench.source.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(bench: Bench) -> None:
    ended = bench.fetch(bench.connector("customers"), customers(*CUSTOMERS), trust=False)
    assert "no valid certificate" in str(ended.error)
    assert bench.source.requests == []


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("no JSON", "not what it should be"),
        ('{"key": 1}', "not what it should be"),
        ('{"token": "a\\r\\nb: c"}', "no header"),
    ],
)
def test_a_secret_that_is_none_is_told_and_nothing_is_asked(bench: Bench, secret: str, told: str) -> None:
    name = secret_name(bench.stage, "customers")
    bench.secrets.put_secret_value(SecretId=name, SecretString=secret)
    ended = bench.fetch(bench.connector("customers"), customers(*CUSTOMERS))
    assert (ended.status, told in str(ended.error), bench.source.requests) == ("failed", True, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base_url: http://example.com", "https"),
        ("base_url: https://user@example.com", "https"),
        ("feed: nothing", "no feed nothing"),
        ("retries: 5", "unknown field `retries`"),
        ("auth: {kind: password}", "Invalid value 'password'"),
    ],
)
def test_a_connector_that_cannot_be_meant_so_is_told_by_its_file(tmp_path: Path, text: str, told: str) -> None:
    shipped = yaml.safe_load((DIRECTORY / "customers.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(shipped | yaml.safe_load(text)))
    with pytest.raises(TerminalError, match=r"mine\.yaml") as refused:
        load_connectors(load_contracts(), tmp_path)
    assert told in str(refused.value)
