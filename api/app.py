"""The resolver: routes, what every route shares, and what its errors look like."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import OpenAPIRequestValidationMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from api import answers, problems
from api.keys import Scope
from api.models import ProblemDetails
from api.problems import FieldError, Problem
from api.scopes import requires
from loaders.errors import LoaderError

if TYPE_CHECKING:
    from api.scopes import Next

    Handler = TypeVar("Handler", bound=Callable[..., Response[Any]])

logger = Logger(service="api")
app = APIGatewayRestResolver(enable_validation=True)

VALIDATION = OpenAPIRequestValidationMiddleware()
KEY = "key"
REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "No valid key.",
    HTTPStatus.FORBIDDEN: "The key has not the scope.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter that cannot be used.",
    HTTPStatus.TOO_MANY_REQUESTS: "More requests than the key may make.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not answered now; try again after `Retry-After` seconds.",
}
_methods: dict[str, set[str]] = {}


def endpoint(
    method: str,
    path: str,
    *,
    scopes: tuple[Scope, ...],
    model: type,
    tag: str,
    status: HTTPStatus = HTTPStatus.OK,
    refusals: dict[HTTPStatus, str] | None = None,
    request_body: dict[str, Any] | None = None,
) -> Callable[[Handler], Handler]:
    """Registers a route for callers who hold one of `scopes`; the first line of the function's docstring sums it up.

    Access is checked before the parameters are, and a parameter that the function does not have is refused: a filter
    with a slip in its name would otherwise give everything.
    """

    def register(function: Handler) -> Handler:
        summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n")
        needs = f"Needs the scope {' or '.join(f'`{scope}`' for scope in scopes)}."
        names = frozenset(inspect.signature(function).parameters)
        app.route(
            _rule(path),
            method,
            summary=summary,
            description=f"{description.strip()}\n\n{needs}".strip(),
            tags=[tag],
            operation_id=function.__name__,
            responses=_responses(status, model, REFUSALS | (refusals or {})),
            security=[{KEY: []}],
            openapi_extensions={"requestBody": request_body} if request_body else None,
            enable_validation=False,
            middlewares=[requires(*scopes), _refuses_unknown(names), VALIDATION],
        )(function)
        _methods.setdefault(path, set()).add(method)
        return function

    return register


def route_of(path: str) -> str | None:
    """The route, with its parameters named, that a path leads to; one without parameters before one with."""
    return next((route for route in sorted(_methods) if _pattern(route).fullmatch(path)), None)


def caller() -> str:
    """The id of the key that the request came with."""
    authorizer = app.current_event.raw_event["requestContext"].get("authorizer") or {}
    return str(authorizer.get("principalId", ""))


@cache
def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", route) + "/*")


def _rule(path: str) -> str:
    """`/v1/sales/{transaction_id}` as the resolver writes it."""
    return path.replace("{", "<").replace("}", ">")


def _responses(status: HTTPStatus, model: type, refusals: dict[HTTPStatus, str]) -> dict[int, Any]:
    found: dict[int, Any] = {
        int(status): {"description": status.phrase, "content": {answers.MEDIA_TYPE: {"model": model}}}
    }
    for refusal, description in sorted(refusals.items()):
        content = {problems.MEDIA_TYPE: {"model": ProblemDetails}}
        found[int(refusal)] = {"description": description, "content": content}
    return found


def _refuses_unknown(names: frozenset[str]) -> Callable[[APIGatewayRestResolver, Next], Response[Any]]:
    def check(app: APIGatewayRestResolver, next_middleware: Next) -> Response[Any]:
        given = app.current_event.raw_event.get("queryStringParameters") or {}
        if unknown := sorted(set(given) - names):
            reason = "is no parameter of this path; /v1/docs lists those there are"
            detail = f"{', '.join(name[:60] for name in unknown[:10])}: {reason}"
            errors = [FieldError(name, reason) for name in unknown[:10]]
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)
        return next_middleware(app)

    return check


@app.exception_handler(Problem)
def _problem(problem: Problem) -> Response[str]:
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        cause = problem.__cause__
        # A driver's or a service's own words may quote what was asked.
        told = str(cause) if isinstance(cause, LoaderError) else type(cause).__name__
        logger.warning("not answered", detail=str(problem), cause=told)
    return problems.answer_to(problem)


@app.exception_handler(RequestValidationError)
def _invalid(error: RequestValidationError) -> Response[str]:
    errors = [FieldError(_field(one["loc"]), str(one["msg"])) for one in error.errors()]
    detail = "; ".join(f"{one.field}: {one.reason}" for one in errors)
    return problems.answer_to(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors))


@app.exception_handler(NotFoundError)
def _not_found(_: NotFoundError) -> Response[str]:
    allowed = _methods.get(route_of(app.current_event.path) or "", set())
    # A path of the right form may hold what no parameter can be: then there is nothing at it.
    if allowed and app.current_event.http_method not in allowed:
        detail = f"this path takes {' and '.join(sorted(allowed))} only"
        problem = Problem(HTTPStatus.METHOD_NOT_ALLOWED, detail).with_header("Allow", ", ".join(sorted(allowed)))
    else:
        problem = problems.not_found("there is nothing at this path; /v1/docs lists what there is")
    return problems.answer_to(problem)


@app.exception_handler(Exception)
def _failed(error: Exception) -> Response[str]:
    # The class and the place; the text of an error may quote what the request or the database holds.
    logger.error("failed", error=type(error).__name__, trace=_places(error))
    detail = "the request failed here, not for what it asks; try again, and tell the operator if it stays"
    return problems.answer_to(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail))


def _field(place: Sequence[str | int]) -> str:
    """Where in the request: a header as it is written in this API's description, a parameter by its name."""
    kind, *names = (str(part) for part in place)
    named = ".".join(names) or kind
    return named.title() if kind == "header" else named


def _places(error: BaseException) -> list[str]:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
