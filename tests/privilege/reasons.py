"""Why a role has what its component does not ask for itself: each reason with the AWS page that asks for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """`role` is a pattern of `stack.LogicalName`."""

    role: str
    actions: tuple[str, ...]
    why: str
    page: str


LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)

KEY = ("kms:Decrypt", "kms:GenerateDataKey")

NEEDED_BY_AWS = (
    Reason(
        "loaders.*",
        LOG,
        "Lambda writes what a function prints, with the function's role",
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
    ),
    Reason(
        "loaders.*",
        INTERFACES,
        "Lambda makes and removes the network interfaces, with the function's role",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
    ),
    Reason(
        "loaders.*",
        ("s3:ListBucket",),
        "without it S3 answers 403 for a version that is gone, which the loaders would take for a missing permission",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
    ),
    Reason(
        "loaders.*",
        KEY,
        "Secrets Manager uses the stage's key with the rights of whoever reads or writes the secret",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
    ),
    Reason(
        "api.ApiRole",
        KEY[:1],
        "Secrets Manager uses the stage's key with the rights of whoever reads the secret",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
    ),
    Reason(
        "dbt.BuildRole",
        KEY[:1],
        "Secrets Manager uses the stage's key with the rights of whoever reads the secret",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
    ),
    Reason(
        "api.*",
        LOG,
        "Lambda writes what a function prints, with the function's role",
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
    ),
    Reason(
        "api.ApiRole",
        INTERFACES,
        "Lambda makes and removes the network interfaces, with the function's role",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
    ),
    Reason(
        "api.FetchRole",
        ("s3:AbortMultipartUpload",),
        "an upload in parts that fails is given up, or its parts would stay and cost",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html",
    ),
    Reason(
        "glue.*",
        LOG,
        "Glue writes what a job prints, with the job's role",
        "https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html",
    ),
    Reason(
        "glue.*",
        ("s3:DeleteObject",),
        "Spark's committer writes below _temporary/ and removes it; Sail writes in place",
        "https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-spark-s3-optimized-committer.html",
    ),
    Reason(
        "redshift.CopyRole",
        ("s3:ListBucket",),
        "COPY lists what lies under the prefix that it is given, and asks for the right to also with a manifest",
        "https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-access-permissions.html",
    ),
    Reason(
        "dbt.BuildRole",
        (*LOG, "s3:GetObjectVersion", "s3:GetBucketAcl", "s3:GetBucketLocation"),
        "CodeBuild writes the log, and looks at the buckets and versions of its source and artifacts",
        "https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html",
    ),
    Reason(
        "dbt.BuildRole",
        (
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
        "CodeBuild makes and removes the network interface of a build",
        "https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html",
    ),
)

DENIED_ON_PURPOSE = (
    Reason(
        "api.ApiRole",
        ("s3:ListBucket",),
        "the API may not list the bucket; it takes S3's 403 for what is not there, as S3 gives it then",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html",
    ),
)

NEEDED_BY_STEP_FUNCTIONS = {
    "codebuild:startBuild.sync": Reason(
        "orchestration.StateMachineRole",
        (
            "codebuild:StopBuild",
            "codebuild:BatchGetBuilds",
            "events:PutTargets",
            "events:PutRule",
            "events:DescribeRule",
        ),
        "a build is waited for by an event, asked after when that is late, and stopped with its execution",
        "https://docs.aws.amazon.com/step-functions/latest/dg/codebuild-iam.html",
    ),
    "sns:publish": Reason(
        "orchestration.StateMachineRole",
        KEY,
        "where the topic is encrypted, a message is encrypted with the rights of whoever sends it",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    ),
    "glue:startJobRun.sync": Reason(
        "orchestration.StateMachineRole",
        ("glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"),
        "a run is asked after until it ends, and stopped with its execution",
        "https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html",
    ),
}

NEEDED_BY_THE_LOG = Reason(
    "orchestration.StateMachineRole",
    (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ),
    "a state machine that writes a log makes the delivery of it itself",
    "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
)
