"""Resources of which nothing can be seen here are made all the same, so that every stage deploys: they do nothing.

ministack refuses a stack that has a type it does not know. No network is simulated, so what leads through it, or
writes down what came by, has nothing to do; a host for tunnels is not run; passwords are changed when Secrets Manager
is asked, never by a schedule.
"""

import uuid
from typing import Any

from ministack.services import ssm
from ministack.services.cloudformation import provisioners

PREFIXES = {
    "AWS::EC2::EIP": "eipalloc",
    "AWS::EC2::FlowLog": "fl",
    "AWS::EC2::Instance": "i",
    "AWS::EC2::NatGateway": "nat",
    "AWS::SecretsManager::RotationSchedule": "rotation",
}
"""By type, how their ids begin."""

# The newest image of Amazon Linux, where every account reads it; ministack has the other processor's only.
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def apply() -> None:
    """Puts the handlers in place."""
    ssm._PUBLIC_AMI_PARAMETERS[IMAGE] = "ami-00000000000000000"
    for resource_type, prefix in PREFIXES.items():

        def make(_: str, properties: dict[str, Any], stack: str, prefix: str = prefix) -> tuple[str, dict[str, str]]:
            made = f"{prefix}-{uuid.uuid4().hex[:17]}"
            return made, {"Id": made, "AllocationId": made, "NatGatewayId": made}

        provisioners._RESOURCE_HANDLERS[resource_type] = {
            "create": make,
            "update": lambda physical_id, old, new, stack: (physical_id, {"Id": physical_id}),
            "delete": lambda physical_id, properties: None,
        }
