"""The daily limit of Redshift Serverless: set once, changed when the stage says so. No Redshift can be run here."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from xtage.deploy.limits import limit_use

WORKGROUP = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/12345678-1234-1234-1234-123456789012"
ASKED = {"resourceArn": WORKGROUP, "usageType": "serverless-compute"}
DAILY = ASKED | {"usageLimitId": "a", "period": "daily", "amount": 64, "breachAction": "deactivate"}
MONTHLY = DAILY | {"usageLimitId": "b", "period": "monthly"}


class Session:
    """Gives the one client, whose calls are checked against what botocore knows of them."""

    def __init__(self) -> None:
        self.limits = boto3.client("redshift-serverless", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        self.expects = Stubber(self.limits)
        self.expects.activate()

    def client(self, service: str) -> Any:
        assert service == "redshift-serverless"
        return self.limits


@pytest.fixture
def session() -> Session:
    return Session()


def limit(session: Session, hours: int) -> None:
    outputs = {"RedshiftWorkgroupArn": WORKGROUP, "RedshiftDailyRpuHours": str(hours)}
    limit_use(session, outputs)  # type: ignore[arg-type]
    session.expects.assert_no_pending_responses()


def test_a_limit_that_is_not_there_is_made(session: Session) -> None:
    made = ASKED | {"period": "daily", "amount": 64, "breachAction": "deactivate"}
    session.expects.add_response("list_usage_limits", {"usageLimits": [MONTHLY]}, ASKED)
    session.expects.add_response("create_usage_limit", {}, made)
    limit(session, 64)


def test_a_limit_that_is_as_it_should_be_is_left_alone(session: Session) -> None:
    session.expects.add_response("list_usage_limits", {"usageLimits": [MONTHLY, DAILY]}, ASKED)
    limit(session, 64)


@pytest.mark.parametrize("known", [DAILY, DAILY | {"amount": 16, "breachAction": "log"}], ids=["hours", "action"])
def test_a_limit_that_is_another_is_changed(session: Session, known: dict[str, Any]) -> None:
    session.expects.add_response("list_usage_limits", {"usageLimits": [known]}, ASKED)
    changed = {"usageLimitId": "a", "amount": 16, "breachAction": "deactivate"}
    session.expects.add_response("update_usage_limit", {}, changed)
    limit(session, 16)


def test_without_a_redshift_or_a_limit_nothing_is_asked(session: Session) -> None:
    limit_use(session, {})  # type: ignore[arg-type]
    limit(session, 0)
