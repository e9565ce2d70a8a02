"""Has the pipeline do, in one run, what it does rarely: remove, forget and repair in the lake, refuse a known file."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.end_to_end.conftest import Cloud

BUCKET = "xtage-data-pipeline"
DATABASE = "xtage_local"
MART = "unified_sales"
GONE = "1999-01"
STRAY = f"lake/{MART}/stray/a.parquet"
REPLACED = f"lake/{MART}/replaced/a.parquet"


def age_the_lake(cloud: Cloud) -> None:
    """A partition whose rows are gone, files that were replaced two days ago or never published, a table that lacks a
    column: what the next run that publishes is to put right.
    """
    s3 = cloud.client("s3")
    key = f"lake/_published/{MART}.json"
    published = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    published["partitions"][GONE] = {"fingerprint": "of another day", "rows": 1, "prefix": f"lake/{MART}/gone/"}
    before = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    published["replaced"].append({"prefix": f"lake/{MART}/replaced/", "since": before})
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(published).encode())
    for path in (STRAY, REPLACED):
        s3.put_object(Bucket=BUCKET, Key=path, Body=b"")
    _age_the_catalog(cloud.client("glue"))


def _age_the_catalog(glue: Any) -> None:
    table = glue.get_table(DatabaseName=DATABASE, Name=MART)["Table"]
    storage = table["StorageDescriptor"]
    partition = {"Values": [GONE], "StorageDescriptor": {**storage, "Location": f"s3://{BUCKET}/lake/{MART}/gone/"}}
    glue.create_partition(DatabaseName=DATABASE, TableName=MART, PartitionInput=partition)
    kept = ("Name", "Description", "PartitionKeys", "TableType", "Parameters")
    changed = {name: table[name] for name in kept if name in table}
    changed["StorageDescriptor"] = {**storage, "Columns": storage["Columns"][:-1]}
    glue.update_table(DatabaseName=DATABASE, TableInput=changed)


def lake_is_put_right(cloud: Cloud) -> bool:
    """Whether nothing of it is left."""
    s3, glue = cloud.client("s3"), cloud.client("glue")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"lake/{MART}/").get("Contents", [])
    partitions = glue.get_partitions(DatabaseName=DATABASE, TableName=MART)["Partitions"]
    gone = {GONE} & {partition["Values"][0] for partition in partitions}
    return not gone and not {STRAY, REPLACED} & {one["Key"] for one in found}


def fail_without_a_run(cloud: Cloud) -> None:
    """Calls the functions that write failures down, about a delivery and a run that there are not."""
    failure = {"run_id": -1, "delivery_id": -1, "execution_arn": "none", "state": "None", "error": "TerminalError"}
    for name in ("record-failure", "fail-run"):
        cloud.client("lambda").invoke(FunctionName=f"xtage-local-{name}", Payload=json.dumps(failure).encode())


def rotate_password(cloud: Cloud, variable: str) -> None:
    """Has the deployed function change the password of the secret that a variable of the migrations names.

    Step by step, as Secrets Manager would: the embedded one calls nobody.
    """
    functions = cloud.client("lambda")
    migrate = functions.get_function_configuration(FunctionName="xtage-local-migrate")
    event = {"SecretId": migrate["Environment"]["Variables"][variable], "ClientRequestToken": str(uuid.uuid4())}
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        payload = json.dumps({**event, "Step": step}).encode()
        answer = functions.invoke(FunctionName="xtage-local-rotate", Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()


def put_in_parts(cloud: Cloud, object_key: str, body: bytes) -> None:
    """Drops a file as large ones are uploaded: its ETag is not that of the same content put at once, so it is read."""
    s3, place = cloud.client("s3"), {"Bucket": BUCKET, "Key": object_key}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    part = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
