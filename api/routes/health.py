"""Whether the API and its database answer, and how fresh the dataset is."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from api.answers import answer
from api.app import endpoint
from api.database import ask
from api.keys import Scope
from api.models import Health

HEALTH = """
    select
        (select max(built_through) from ops.runs) as built_through,
        last_run.status as last_run_status,
        last_run.started_at as last_run_started_at
    from (select 1 as one) as always
    left join (select status, started_at from ops.runs order by run_id desc limit 1) as last_run on true
"""


@endpoint("GET", "/v1/health", scopes=tuple(Scope), model=Health, tag="health")
def health() -> Response[str]:
    """Tell whether the API works and how fresh the dataset is"""
    [row] = ask(HEALTH, {})
    return answer({"status": "ok", **row})
