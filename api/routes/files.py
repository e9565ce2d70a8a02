"""Files in: small ones as the body of a request, large ones by a form that S3 takes."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Header

from api.answers import answer
from api.app import app, caller, endpoint, logger
from api.delivery_id import delivery_path
from api.keys import Scope
from api.models import ReceivedFile, UploadForm
from api.object_store import MOST_BYTES, UPLOAD_SECONDS, put_once, upload_form
from api.parameters import Feed
from api.problems import FieldError, Problem
from loaders.contract import load_contracts

MOST_BODY_BYTES = 4 * 2**20
"""Lambda takes 6 MB, in which the body is base64."""

CONTENT_TYPES = ("text/csv", "application/json", "application/x-ndjson")
BODY = {
    "required": True,
    "description": f"The file, up to {MOST_BODY_BYTES // 2**20} MiB, as the feed's contract has it.",
    "content": {content_type: {"schema": {"type": "string", "minLength": 1}} for content_type in CONTENT_TYPES},
}
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        description="A name for this file: the same request again, with the same name, changes nothing.",
    ),
]


@endpoint(
    "POST",
    "/v1/feeds/{feed}/files",
    scopes=(Scope.INGEST,),
    model=ReceivedFile,
    tag="ingest",
    status=HTTPStatus.ACCEPTED,
    refusals={
        HTTPStatus.NOT_FOUND: "No feed has this name.",
        HTTPStatus.CONFLICT: "The same Idempotency-Key is being used at this moment.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large; `uploads` takes it.",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Neither CSV nor JSON.",
    },
    request_body=BODY,
)
def post_file(feed: Feed, idempotency_key: IdempotencyKey = None) -> Response[str]:
    """Bring a file in

    The body is stored as it is, and the pipeline starts by itself. `delivery` is the path at which its state, its
    counts and its rejects can be asked for. The same Idempotency-Key with another body is refused.
    """
    _require_feed(feed)
    content_type = _content_type()
    stored = put_once(feed, _body(), content_type, caller(), idempotency_key)
    logger.info("file received", feed=feed, version_id=stored.version_id, is_new=stored.is_new, key_id=caller())
    path = delivery_path(stored.object_key, stored.version_id)
    received = {
        "feed": feed,
        "object_key": stored.object_key,
        "version_id": stored.version_id,
        "delivery": path,
        "is_new": stored.is_new,
    }
    # Relative to this request's path: behind which domain and stage that is, the function does not know.
    return answer(received, HTTPStatus.ACCEPTED, {"Location": path.replace("/v1/", "../../", 1)})


@endpoint(
    "POST",
    "/v1/feeds/{feed}/uploads",
    scopes=(Scope.INGEST,),
    model=UploadForm,
    tag="ingest",
    status=HTTPStatus.CREATED,
    refusals={HTTPStatus.NOT_FOUND: "No feed has this name."},
)
def post_upload(feed: Feed) -> Response[str]:
    """Ask for a form to send a large file with

    Send a POST to `url` as multipart/form-data: all of `fields`, then the file as the field `file`. It may be used for
    15 minutes; what it sends becomes a delivery of the feed.
    """
    _require_feed(feed)
    form = upload_form(feed)
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=UPLOAD_SECONDS)
    body = {
        "url": form.url,
        "fields": form.fields,
        "object_key": form.object_key,
        "max_bytes": MOST_BYTES,
        "expires_at": expires_at,
        "deliveries": f"/v1/feeds/{feed}/deliveries?object_key={form.object_key}",
    }
    return answer(body, HTTPStatus.CREATED)


def _require_feed(feed: str) -> None:
    feeds = load_contracts()
    if feed not in feeds:
        reason = f"there is no such feed, only {', '.join(feeds)}"
        raise Problem(HTTPStatus.NOT_FOUND, reason, [FieldError("feed", reason)])


def _content_type() -> str:
    given = app.current_event.headers.get("content-type") or ""
    content_type = given.partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        reason = f"must be one of {', '.join(CONTENT_TYPES)}"
        errors = [FieldError("Content-Type", reason)]
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type {reason}", errors)
    return content_type


def _body() -> bytes:
    """The body, byte for byte."""
    event = app.current_event
    try:
        text = event.body or ""
        body = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
    except (binascii.Error, UnicodeError):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body cannot be read; send it as it is") from None
    if not body:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is empty", [FieldError("body", "is empty")])
    if len(body) > MOST_BODY_BYTES:
        reason = f"has {len(body)} bytes, more than {MOST_BODY_BYTES}; POST to uploads for a form that takes it"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body {reason}", [FieldError("body", reason)])
    return body
