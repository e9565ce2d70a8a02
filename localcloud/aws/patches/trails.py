"""A CloudTrail trail can be made by CloudFormation; ministack makes one by CloudTrail's own calls only."""

import json
from typing import Any

from ministack.services import cloudtrail
from ministack.services.cloudformation import provisioners

RESOURCE_TYPE = "AWS::CloudTrail::Trail"


def apply() -> None:
    """Puts the handlers in place."""
    provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE] = {
        "create": lambda logical_id, properties, stack: _described(cloudtrail._create_trail, properties),
        "update": lambda name, old, properties, stack: _described(cloudtrail._update_trail, properties),
        "delete": lambda name, properties: _answer(cloudtrail._delete_trail({"Name": name})) and None,
    }


def _described(act: Any, properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Makes or changes a trail; its name and what Fn::GetAtt reads of it."""
    name = properties["TrailName"]
    # CloudFormation has booleans as text.
    given = {"Name": name, "KmsKeyId": properties.get("KMSKeyId", ""), **_booleans(properties)}
    trail = _answer(act(properties | given))
    if selectors := properties.get("AdvancedEventSelectors"):
        _answer(cloudtrail._put_event_selectors({"TrailName": name, "AdvancedEventSelectors": selectors}))
    is_logging = str(properties["IsLogging"]).lower() == "true"
    _answer((cloudtrail._start_logging if is_logging else cloudtrail._stop_logging)({"Name": name}))
    return name, {"Arn": trail["TrailARN"]}


def _booleans(properties: dict[str, Any]) -> dict[str, bool]:
    return {name: value.lower() == "true" for name, value in properties.items() if value in ("true", "false")}


def _answer(response: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    status, _, body = response
    answer: dict[str, Any] = json.loads(body)
    if status != 200:
        raise ValueError(f"{answer['__type']}: {answer['message']}")
    return answer
