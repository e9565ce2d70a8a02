"""Fetches through API Gateway: begun, carried out by a function of their own, and told."""

from typing import Any

import pytest

from api.keys import Scope
from tests.end_to_end.api.conftest import Api

PATH = "/v1/connectors/exchange_rates"


@pytest.mark.usefixtures("without_runs")
def test_a_fetch_that_cannot_be_carried_out_says_why_and_leaves_nothing(api: Api) -> None:
    begun = api.ask("POST", f"{PATH}/fetch", Scope.OPERATE)
    assert begun.status_code in (202, 409), begun.text
    told: dict[str, Any] = {}

    def has_ended() -> bool:
        told.update(api.get(PATH, Scope.OPERATE))
        return told["last_fetch"]["finished_at"] is not None

    api.cloud.wait_for("the fetch ends", has_ended)
    assert (told["connector"], told["feed"], told["watermark"]) == ("exchange_rates", "exchange_rates", None)
    assert told["last_fetch"]["status"] == "failed"
    assert "there is no secret xtage/local/connectors/exchange_rates" in told["last_fetch"]["error"]
    found = api.cloud.client("s3").list_objects_v2(
        Bucket="xtage-data-pipeline", Prefix="raw/exchange_rates/connectors/"
    )
    assert found["KeyCount"] == 0


def test_a_connector_that_is_not_there_is_told_with_those_that_are(api: Api) -> None:
    for method, path in (("GET", "/v1/connectors/nothing"), ("POST", "/v1/connectors/nothing/fetch")):
        answer = api.ask(method, path)
        assert (answer.status_code, "customers, exchange_rates" in answer.text) == (404, True)


def test_a_second_fetch_at_once_is_refused_while_the_first_is_under_way(api: Api) -> None:
    api.cloud.wait_for("the fetch before ends", lambda: _finished(api))
    answers = [api.ask("POST", f"{PATH}/fetch").status_code for _ in range(3)]
    assert answers[0] == 202
    assert set(answers) <= {202, 409}


def test_the_schedule_leaves_connectors_alone_that_nobody_has_set_up(api: Api) -> None:
    answer = api.cloud.client("lambda").invoke(FunctionName="xtage-local-fetch", Payload=b'{"scheduled": true}')
    assert ("FunctionError" in answer, answer["Payload"].read()) == (False, b'{"fetches": {}}')


def _finished(api: Api) -> bool:
    last = api.get(PATH)["last_fetch"]
    return last is None or last["finished_at"] is not None
