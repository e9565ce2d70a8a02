"""Functions, builds, jobs, executions and rules ask AWS as their role does: what its policies do not allow is denied.

ministack checks every caller or none. Here the operator's key may do everything, as the user who deploys, and the
sessions of roles are held to the roles' policies by ministack's own evaluator. Bucket policies are not looked at: those
of this project refuse plain HTTP, which is what the embedded AWS speaks.

Each permission that was used, or was missing, is one line of `logs/permissions.jsonl`: role, action, the statement that
allows it (null when none does) and the first resource. From it the tests tell which grants nobody uses.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.services import iam, sts

from localcloud.aws.credentials import Credentials
from localcloud.aws.launcher import PERMISSIONS, REGION
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.aws")


@dataclass(frozen=True)
class Request:
    """A request as ministack hands it on. `parameters` are those of the query, and of a form in the body."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    parameters: dict[str, Any]

    @property
    def region(self) -> str:
        """Where it is sent to."""
        return str(router.extract_region(self.headers))

    def needs(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The permissions it needs: action, resource and the request's own condition keys.

        A call that no action is known for needs one that no policy gives, so that it does not go unseen.
        """
        asked = (self.service, self.method, self.path, self.headers, self.body, self.parameters)
        action = iam_actions.extract_iam_action(*asked) or f"{self.service}:Unknown"
        resource = iam_actions.extract_resource_arn(*asked, self.region, responses.get_account_id())
        if self.service != "s3":
            yield action, resource, {}
            return
        keys = iam_actions.s3_service_context(action, self.parameters, self.path, self.headers)
        yield action, resource, keys
        for more, other in iam_actions.s3_additional_checks(
            self.method, self.path, self.headers, self.body, self.parameters
        ):
            yield more, other, {}

    def may_be_told_missing(self) -> tuple[str, str, dict[str, Any]] | None:
        """What a caller needs to learn that an object is not there; S3 tells others that they may not ask.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html. The request names no prefix to list.
        """
        bucket, _, key = self.path.lstrip("/").partition("/")
        if self.service != "s3" or self.method not in ("GET", "HEAD") or not key:
            return None
        return "s3:ListBucket", f"arn:aws:s3:::{bucket}", {}


@dataclass
class Record:
    """What has been used and what was missing, each written down once."""

    file: Path
    _known: set[tuple[str, str, str | None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        for line in lines:
            found = json.loads(line)
            self._known.add((found["role"], found["action"], found["statement"]))

    def add(self, role: str, action: str, statement: str | None, resource: str) -> None:
        """One permission; `statement` is null when it is missing."""
        if (role, action, statement) in self._known:
            return
        self._known.add((role, action, statement))
        line = {"role": role, "action": action, "statement": statement, "resource": resource}
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")


# Where the patch of this process writes them down.
_records: list[Record] = []


def credentials_of(role: str, session: str) -> Credentials:
    """Keys of a session of this role (a name or an ARN).

    The embedded AWS runs functions, builds and jobs also for a role that nobody has made; they have its own keys.
    """
    name = role.rpartition("/")[2]
    account = responses.get_account_id()
    if iam._roles.get_scoped(account, None, name) is None:
        return Credentials.of_the_server()
    made = _keys(name, session)
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    known = {"Arn": arn, "UserId": f"{name}:{session}"}
    sts.register_session(
        made.access_key, known | {"SecretAccessKey": made.secret_key, "SessionToken": made.session_token}
    )
    return made


@cache
def _keys(role: str, session: str) -> Credentials:
    return Credentials(f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32))


def allow(role: str, action: str, resource: str) -> bool:
    """Whether a role (a name or an ARN) lets the service that acts with it do this; one that nobody has made does."""
    caller = _caller(credentials_of(role, "service").access_key)
    allowed = caller is None or _allows(caller, (action, resource, {}), REGION)
    if not allowed:
        logger.warning("Denied: %s asks for %s on %s, which its role does not allow", caller.arn, action, resource)
    return allowed


def apply(settings: Settings) -> None:
    """Puts the patch in place."""
    _records.append(Record(settings.home / PERMISSIONS))
    answer = app._dispatch_service_request

    async def answer_if_allowed(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
    ) -> Any:
        caller = _caller(router.extract_access_key_id(headers, query))
        if caller is None:
            return await answer(method, path, headers, body, query, request_id)
        parameters = app._routing_params(method, path, headers, body, query)
        service = router.detect_service(method, path, headers, parameters)
        request = Request(service, method, path, headers, body, parameters)
        for need in request.needs():
            if not _allows(caller, need, request.region):
                return _denied(caller, request, need, request_id)
        answered = await answer(method, path, headers, body, query, request_id)
        listing = request.may_be_told_missing() if answered[0] == 404 else None
        if listing and not _allows(caller, listing, request.region):
            return _denied(caller, request, listing, request_id)
        return answered

    app._dispatch_service_request = answer_if_allowed
    iam_evaluator._fnmatch_compile = _pattern


@cache
def _pattern(wildcards: str, ignore_case: bool) -> re.Pattern[str]:
    """What a policy names. `*` stands for line ends too, which an object key may have; ministack's own does not."""
    text = re.escape(wildcards).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(rf"{text}\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _caller(access_key: str) -> Any:
    """The role's principal with its policies; None for the operator, who may do everything."""
    if access_key not in sts._sessions:
        return None
    found = iam_evaluator.resolve_principal(access_key, responses.get_account_id())
    return found if getattr(found, "type", None) == "AssumedRole" else None


def _allows(caller: Any, need: tuple[str, str, dict[str, Any]], region: str) -> bool:
    action, resource, keys = need
    context = iam_evaluator.EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.type,
        principal_account=caller.account,
        action=action,
        resource_arn=resource,
        region=region,
        service_context={key.lower(): value for key, value in keys.items()},
        principal_keys=caller.keys,
    )
    result = iam_evaluator.evaluate(context, caller.policies, *caller.limits)
    allowed = bool(result.decision == "Allow")
    role = iam_evaluator._role_name_from_assumed_arn(caller.arn)
    for record in _records:
        record.add(role, action, result.matched_sid if allowed else None, resource)
    return allowed


def _denied(caller: Any, request: Request, need: tuple[str, str, dict[str, Any]], request_id: str) -> Any:
    action, resource, _ = need
    logger.warning("Denied: %s asks for %s on %s, which its role does not allow", caller.arn, action, resource)
    return iam_actions.access_denied_response(
        request.service, action, caller.arn, request_id, headers=request.headers, resource_arn=resource
    )
