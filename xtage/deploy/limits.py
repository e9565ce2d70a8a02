"""What Redshift Serverless may cost in a day: a usage limit, which CloudFormation has no type for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3

_USE, _PERIOD = "serverless-compute", "daily"


def limit_use(session: boto3.Session, outputs: Mapping[str, str]) -> None:
    """Brings the workgroup's daily limit to what the root stack's outputs say; 0 RPU-hours is no limit.

    Beyond it Redshift refuses queries until the next day (UTC). Nothing happens where there is no Redshift, or
    no limit: one that was set before stays until somebody takes it away.
    """
    workgroup, wanted = outputs.get("RedshiftWorkgroupArn"), int(outputs.get("RedshiftDailyRpuHours", 0))
    if workgroup is None or wanted == 0:
        return
    limits = session.client("redshift-serverless")
    known = limits.list_usage_limits(resourceArn=workgroup, usageType=_USE)["usageLimits"]
    daily = next((limit for limit in known if limit["period"] == _PERIOD), None)
    if daily is None:
        limits.create_usage_limit(
            resourceArn=workgroup, usageType=_USE, period=_PERIOD, amount=wanted, breachAction="deactivate"
        )
    elif (daily["amount"], daily["breachAction"]) != (wanted, "deactivate"):
        limits.update_usage_limit(usageLimitId=daily["usageLimitId"], amount=wanted, breachAction="deactivate")
