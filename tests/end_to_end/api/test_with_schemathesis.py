"""Whatever is asked, as the API describes itself or against it: no failure, and no answer it does not tell of."""

import json

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import positive_data_acceptance

from api.documentation import openapi, register_routes
from api.keys import Scope
from tests.end_to_end.api.conftest import Api

register_routes()
CONFIG = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi()), config=CONFIG)


@pytest.mark.usefixtures("without_runs")
@SCHEMA.parametrize()
@hypothesis.settings(max_examples=25, suppress_health_check=list(hypothesis.HealthCheck))
def test_every_answer_is_one_that_the_description_tells_of(api: Api, case: schemathesis.Case) -> None:
    headers = {"x-api-key": api.key(*Scope)}
    # What the schema lets through may still be refused: a cursor that never was, a currency without rates.
    case.call_and_validate(base_url=api.url, headers=headers, excluded_checks=[positive_data_acceptance])
