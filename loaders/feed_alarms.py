"""The template of the feeds' alarms, from the contracts: what is late is said there, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from loaders.contract import Contract

TEMPLATE = """\
# {header}
AWSTemplateFormatVersion: "2010-09-09"
Description: xtage feeds - an alarm for each feed of which nothing lands in the time that its contract promises

Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label:
          default: Stage
        Parameters:
          - Stage
      - Label:
          default: Whom to tell
        Parameters:
          - AlarmTopicArn

Parameters:
  Stage:
    Description: Name of the deployment
    Type: String
  AlarmTopicArn:
    Description: Topic that alarms are told to
    Type: String

# The figure comes with every sweep. Where no sweep comes, pipeline-silent is raised and these alarms stay as they are.
Resources:
{resources}"""

ALARM = """\
  {name}LateAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub xtage-${{Stage}}-feed-late-{feed}
      AlarmDescription: Nothing of the feed {feed} has landed for {hours} hours. Runbook docs/runbooks/feed-late.md
      Namespace: xtage
      MetricName: DeliveryAge
      Dimensions:
        - Name: feed
          Value: {feed}
        - Name: stage
          Value: !Ref Stage
      Statistic: Maximum
      Period: 3600
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      # {hours} hours
      Threshold: {seconds}
      TreatMissingData: ignore
      AlarmActions:
        - !Ref AlarmTopicArn
      OKActions:
        - !Ref AlarmTopicArn
"""


def feeds_template(contracts: Iterable[Contract], header: str) -> str:
    """The template; `header` says where it comes from."""
    return TEMPLATE.format(header=header, resources="\n".join(map(_alarm, contracts)))


def _alarm(contract: Contract) -> str:
    name = "".join(part.capitalize() for part in re.split("[^A-Za-z0-9]+", contract.feed))
    hours = contract.freshness.warn_after_hours
    return ALARM.format(name=name, feed=contract.feed, hours=hours, seconds=hours * 3600)
