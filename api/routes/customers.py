"""One customer."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from api.answers import answer
from api.app import app, endpoint
from api.database import ask
from api.keys import Scope
from api.models import Customer
from api.parameters import Id
from api.problems import not_found
from api.scopes import scopes_of, visible

FIELDS = tuple(Customer.__annotations__)
CUSTOMER = "select {fields} from marts.dim_customers where customer_id = :customer_id"


@endpoint(
    "GET",
    "/v1/customers/{customer_id}",
    scopes=(Scope.READ,),
    model=Customer,
    tag="customers",
    refusals={HTTPStatus.NOT_FOUND: "No delivery ever held this customer."},
)
def get_customer(customer_id: Id) -> Response[str]:
    """Read one customer, as last known

    Name, age and gender only with the scope `personal`.
    """
    shown = visible(FIELDS, scopes_of(app.current_event.raw_event))
    rows = ask(CUSTOMER.format(fields=", ".join(shown)), {"customer_id": customer_id})
    if not rows:
        raise not_found(f"no delivery ever held the customer {customer_id}")
    return answer(rows[0])
