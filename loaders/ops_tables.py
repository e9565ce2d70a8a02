"""The tables of the ledger (schema `ops`): what was delivered, what landed, what was refused, which run did it.

Times are `timestamp` without a zone, always UTC: a view that casts one to a date must not depend on the zone of its
reader's session.
"""

from __future__ import annotations

from loaders.tables import NOW, Table, TableColumn

DELIVERIES = Table(
    schema="ops",
    name="deliveries",
    description="One row per object version that was dropped into the bucket; also the list of what is still to do.",
    columns=(
        TableColumn(
            "delivery_id",
            "bigint",
            "Identifies the delivery, in the order of registration.",
            default="nextval('ops.delivery_ids')",
            not_null=True,
        ),
        TableColumn("feed", "text", "The feed the object belongs to; null when it is unrecognized."),
        TableColumn("bucket", "text", "Bucket of the object.", not_null=True),
        TableColumn("object_key", "text", "Key of the object in the bucket.", not_null=True),
        TableColumn(
            "version_id", "text", "S3 version id of the object; `null` in an unversioned bucket.", not_null=True
        ),
        TableColumn(
            "version_order",
            "bigint",
            "Orders the versions of an object key, greater for newer: its time in S3, then its place in the list.",
            default="0",
            not_null=True,
        ),
        TableColumn("etag", "text", "S3 etag of the version, without quotes."),
        TableColumn("sequencer", "text", "Sequencer of the S3 event; null when a sweep found the version."),
        TableColumn(
            "delivered_at",
            "timestamp",
            "When it counts as delivered (UTC): the version's LastModified, or its metadata `delivered-at`.",
            not_null=True,
        ),
        TableColumn("bytes", "bigint", "Size of the version in S3.", not_null=True),
        TableColumn("content_sha256", "text", "SHA-256 of the bytes in S3, in hexadecimal; null until they were read."),
        TableColumn("load_id", "bigint", "The load that holds its content; refers to ops.loads."),
        TableColumn(
            "status",
            "text",
            "`pending`, `loaded`, `duplicate` (its content had landed before), `failed` or `unrecognized`.",
            default="'pending'",
            not_null=True,
        ),
        TableColumn("attempts", "integer", "Attempts to load it that have ended.", default="0", not_null=True),
        TableColumn("error", "text", "Why it failed or was not recognized, and what to do."),
        TableColumn("run_id", "bigint", "The run that tried it last; refers to ops.runs."),
        TableColumn("registered_at", "timestamp", "When the ledger first saw it (UTC).", default=NOW, not_null=True),
        TableColumn("finished_at", "timestamp", "When it left `pending` (UTC)."),
    ),
    constraints=(
        "primary key (delivery_id)",
        "unique (bucket, object_key, version_id)",
        "check (status in ('pending', 'loaded', 'duplicate', 'failed', 'unrecognized'))",
        "check ((load_id is not null) = (status in ('loaded', 'duplicate')))",
    ),
    indexes={
        "deliveries_pending": "(delivery_id) where status = 'pending'",
        "deliveries_content": "(feed, etag, bytes)",
        "deliveries_load_id": "(load_id)",
        "deliveries_run_id": "(run_id)",
    },
    # Small beside the records, and joined with all of them: every node of Redshift has its own copy.
    distribution="all",
    sort_key=("delivery_id",),
)

REPLAYS = Table(
    schema="ops",
    name="replays",
    description="One row per delivery that was asked for again: its last replay, in place of its load's rows.",
    columns=(
        TableColumn("delivery_id", "bigint", "The delivery whose file is read again.", not_null=True),
        TableColumn(
            "load_id", "bigint", "The load that it landed, and that it replaces; refers to ops.loads.", not_null=True
        ),
        TableColumn(
            "status",
            "text",
            "`pending`, `loaded`, or `failed`: then what had landed before is there still.",
            default="'pending'",
            not_null=True,
        ),
        TableColumn("attempts", "integer", "Attempts to land it anew that have ended.", default="0", not_null=True),
        TableColumn("error", "text", "Why it failed, and what to do."),
        TableColumn(
            "run_id",
            "bigint",
            "The run that tried it last; refers to ops.runs. Null while none has, and when it was landed outside any.",
        ),
        TableColumn("requested_at", "timestamp", "When it was last asked for (UTC).", default=NOW, not_null=True),
        TableColumn("finished_at", "timestamp", "When it left `pending` (UTC)."),
    ),
    constraints=("primary key (delivery_id)", "check (status in ('pending', 'loaded', 'failed'))"),
    indexes={"replays_pending": "(delivery_id) where status = 'pending'", "replays_run_id": "(run_id)"},
)

LOADS = Table(
    schema="ops",
    name="loads",
    description="One row per content that has landed: once per feed, under whatever object key it comes.",
    columns=(
        TableColumn(
            "load_id",
            "bigint",
            "Identifies the load; the raw tables' `_load_id`.",
            default="nextval('ops.load_ids')",
            not_null=True,
        ),
        TableColumn("feed", "text", "The feed it landed in.", not_null=True),
        TableColumn("content_sha256", "text", "SHA-256 of the file's bytes in S3, in hexadecimal.", not_null=True),
        TableColumn("contract_version", "text", "Version of the feed's contract it was read with.", not_null=True),
        TableColumn("records_read", "bigint", "Records in the file: loaded and rejected.", not_null=True),
        TableColumn("records_loaded", "bigint", "Records that landed in the raw table.", not_null=True),
        TableColumn("records_rejected", "bigint", "Records that could not be read; see ops.rejects.", not_null=True),
        TableColumn("blank_lines", "bigint", "Lines without a record.", default="0", not_null=True),
        TableColumn("route", "text", "What landed it: `lambda` or `glue`.", default="'lambda'", not_null=True),
        TableColumn("loaded_at", "timestamp", "When it landed (UTC).", default=NOW, not_null=True),
    ),
    constraints=(
        "primary key (load_id)",
        "unique (feed, content_sha256)",
        "check (records_read = records_loaded + records_rejected)",
        "check (route in ('lambda', 'glue'))",
    ),
    # As ops.deliveries.
    distribution="all",
    sort_key=("load_id",),
)

LOAD_ARRAYS = Table(
    schema="ops",
    name="load_arrays",
    description="One row per load of a nested feed and array of its records: its elements, and the rows that landed.",
    columns=(
        TableColumn("load_id", "bigint", "The load of the records; refers to ops.loads.", not_null=True),
        TableColumn("table_name", "text", "The raw table of the array's elements.", not_null=True),
        TableColumn("elements", "bigint", "Elements of the array in the records that were accepted.", not_null=True),
        TableColumn("rows_loaded", "bigint", "Rows that landed in the array's raw table.", not_null=True),
    ),
    constraints=("primary key (load_id, table_name)", "check (elements = rows_loaded)"),
    sort_key=("load_id",),
)

REJECTS = Table(
    schema="ops",
    name="rejects",
    description="One row per record that could not be read, with its place in the file; the records around it landed.",
    columns=(
        TableColumn("load_id", "bigint", "The load of its file; refers to ops.loads.", not_null=True),
        TableColumn("row_number", "bigint", "Position of the record in its file, 1 for the first.", not_null=True),
        TableColumn(
            "line_number", "bigint", "Line of the file on which the record begins, 1 for the first; null in Parquet."
        ),
        TableColumn("byte_offset", "bigint", "Where the record begins in the decompressed file; null in Parquet."),
        TableColumn("byte_length", "bigint", "Bytes of the record in the decompressed file; null in Parquet."),
        TableColumn("rule", "text", "The rule of structure that the record breaks.", not_null=True),
        TableColumn(
            "message",
            "text",
            "What is wrong, in one line; in a nested record also where: `lines[3].quantity` is of the third line.",
            not_null=True,
        ),
        TableColumn("raw_start", "text", "The record's first 4 KiB, base64; a Parquet record's written as JSON."),
    ),
    indexes={"rejects_load_id": "using brin (load_id)"},
    sort_key=("load_id", "row_number"),
)

RUNS = Table(
    schema="ops",
    name="runs",
    description="One row per run of the pipeline: one execution of the state machine that held the lease.",
    columns=(
        TableColumn(
            "run_id",
            "bigint",
            "Identifies the run, in order of opening.",
            default="nextval('ops.run_ids')",
            not_null=True,
        ),
        TableColumn("execution_arn", "text", "The Step Functions execution.", not_null=True),
        TableColumn(
            "status", "text", "`running`, `succeeded`, `failed` or `abandoned`.", default="'running'", not_null=True
        ),
        TableColumn("started_at", "timestamp", "When it took the lease (UTC).", default=NOW, not_null=True),
        TableColumn("finished_at", "timestamp", "When it ended (UTC); null while it runs."),
        TableColumn(
            "files",
            "integer",
            "Deliveries and replays that it tried last; 0 while it runs, as the other totals are.",
            default="0",
            not_null=True,
        ),
        TableColumn(
            "files_loaded",
            "integer",
            "Those of them whose content landed, or landed again.",
            default="0",
            not_null=True,
        ),
        TableColumn("files_duplicate", "integer", "Those whose content had landed before.", default="0", not_null=True),
        TableColumn("files_failed", "integer", "Those that failed for good.", default="0", not_null=True),
        TableColumn("records_read", "bigint", "Records of what it landed, first or again.", default="0", not_null=True),
        TableColumn("records_loaded", "bigint", "Those of them that landed.", default="0", not_null=True),
        TableColumn("records_rejected", "bigint", "Those that could not be read.", default="0", not_null=True),
        TableColumn("build_started_at", "timestamp", "When its last dbt build began (UTC); null when none was needed."),
        TableColumn(
            "built_through",
            "timestamp",
            "All that had landed by then (UTC) is in the marts; null when no dbt build of the run succeeded.",
        ),
        TableColumn(
            "redshift_built_through",
            "timestamp",
            "All that had landed by then (UTC) is in Redshift's marts; null when nothing was built there.",
        ),
        TableColumn("error", "text", "The state that failed, the error and its cause."),
    ),
    constraints=(
        "primary key (run_id)",
        "check (status in ('running', 'succeeded', 'failed', 'abandoned'))",
    ),
    indexes={"runs_execution_arn": "(execution_arn)"},
)

LEASE = Table(
    schema="ops",
    name="lease",
    description="One row: which run holds the pipeline. Locked by whoever registers, opens, closes or fails a run.",
    columns=(
        TableColumn("lease_id", "integer", "Always 1.", default="1", not_null=True),
        TableColumn("execution_arn", "text", "Execution of the run that holds it; null when it is free."),
        TableColumn("run_id", "bigint", "The run that holds it; null when it is free."),
        TableColumn("expires_at", "timestamp", "When it may be taken over (UTC), unless renewed before."),
    ),
    constraints=("primary key (lease_id)", "check (lease_id = 1)"),
)

MIGRATIONS = Table(
    schema="ops",
    name="migrations",
    description="One row per state of the tables that some deployed code expected and that they were brought to.",
    columns=(
        TableColumn("fingerprint", "text", "SHA-256 of the tables' definitions, in hexadecimal.", not_null=True),
        TableColumn("applied_at", "timestamp", "When they were first so (UTC).", default=NOW, not_null=True),
    ),
    constraints=("primary key (fingerprint)",),
)

OPS_TABLES = (DELIVERIES, REPLAYS, LOADS, LOAD_ARRAYS, REJECTS, RUNS, LEASE, MIGRATIONS)
COPIED = (DELIVERIES, LOADS, LOAD_ARRAYS, REJECTS)
"""Those that Redshift has too, with the rows of what was copied there; the others are the pipeline's own."""
SEQUENCES = ("ops.delivery_ids", "ops.load_ids", "ops.run_ids")
"""Where ids come from. Not identity columns: a load takes its id before it has a row."""
