"""Where a row comes from, as `xtage why` tells it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from api.answers import answer, with_fitting
from api.app import app, endpoint
from api.database import Row, ask
from api.keys import Scope
from api.models import Provenance
from api.parameters import Id
from api.problems import not_found
from api.scopes import PERSONAL, scopes_of
from loaders.provenance import Warehouse, provenance

MOST_EARLIER = 100
"""Records that lost, the newest first; an id may have been delivered with every file of years."""

HIDDEN = (*PERSONAL, "raw")
"""Names, ages, genders, and what stood in the files, which may be anything."""


@endpoint(
    "GET",
    "/v1/sales/{transaction_id}/provenance",
    scopes=(Scope.READ,),
    model=Provenance,
    tag="sales",
    refusals={HTTPStatus.NOT_FOUND: "No record has this id."},
)
def get_provenance(transaction_id: Id) -> Response[str]:
    """Tell where a row comes from

    The current record of each feed with its file, row and issues, the records that lost against it and why, and the
    rate behind each converted amount. The texts of the records only with the scope `personal`.
    """
    warehouse = Warehouse(ask, '"marts"', '"intermediate"')
    found = provenance(warehouse, transaction_id, most_earlier=MOST_EARLIER)
    if found is None:
        raise not_found(f"no sale and no transaction has the id {transaction_id}")
    if Scope.PERSONAL not in scopes_of(app.current_event.raw_event):
        found = _without_personal(found)
    return answer(with_fitting(found, "earlier"))


def _without_personal(value: Any) -> Any:
    """The same without names, ages, genders and texts of files, however deep they lie."""
    if isinstance(value, list):
        return [_without_personal(one) for one in value]
    if isinstance(value, dict):
        hidden: Row = {name: _without_personal(one) for name, one in value.items() if name not in HIDDEN}
        return hidden
    return value
