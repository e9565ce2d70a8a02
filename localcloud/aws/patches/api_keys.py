"""API Gateway finds the caller's API key by what the authorizer calls it (`ApiKeySourceType: AUTHORIZER`).

ministack takes it from the header `x-api-key` always, and drops the authorizer's `usageIdentifierKey`.
"""

from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway_v1

# Carried through the authorizer's context, which ministack keeps for the time that an answer is valid.
FIELD = "usageIdentifierKey"

_identifier: ContextVar[str | None] = ContextVar("usage_identifier", default=None)


def apply() -> None:
    """Puts the patch in place."""
    invoke, authorize = apigateway_v1._invoke_authorizer_lambda, apigateway_v1._authorize_request_v1
    from_header = apigateway_v1._api_key_from_request

    async def invoke_and_keep(*arguments: Any) -> Any:
        result = await invoke(*arguments)
        policy = (result or {}).get("body")
        if isinstance(policy, dict) and policy.get(FIELD):
            context = {**(policy.get("context") or {}), FIELD: policy[FIELD]}
            result = result | {"body": policy | {"context": context}}
        return result

    async def authorize_and_tell(*arguments: Any) -> Any:
        error, context = await authorize(*arguments)
        _identifier.set((context or {}).get(FIELD))
        visible = {name: value for name, value in context.items() if name != FIELD} if context else context
        return error, visible

    def key_from_request(headers: Any) -> Any:
        return _identifier.get() or from_header(headers)

    apigateway_v1._invoke_authorizer_lambda = invoke_and_keep
    apigateway_v1._authorize_request_v1 = authorize_and_tell
    apigateway_v1._api_key_from_request = key_from_request
