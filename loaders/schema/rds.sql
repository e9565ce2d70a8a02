-- Generated from contracts/ by `python -m loaders.generate`; do not edit.

create schema if not exists "raw";

create schema if not exists "ops";

create sequence if not exists ops.delivery_ids;

create sequence if not exists ops.load_ids;

create sequence if not exists ops.run_ids;

create table if not exists "raw"."customers" (
    "customer_id" text,
    "customer_name" text,
    "age" text,
    "gender" text,
    "location" text,
    "date_joined" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_extra" text
);

create index if not exists "customers_load_id_row_number" on "raw"."customers" using brin (_load_id, _row_number);

create table if not exists "raw"."exchange_rates" (
    "currency_code" text,
    "date" text,
    "exchange_rate" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_extra" text
);

create index if not exists "exchange_rates_load_id_row_number" on "raw"."exchange_rates" using brin (_load_id, _row_number);

create table if not exists "raw"."orders" (
    "order_id" text,
    "customer_id" text,
    "placed_at" text,
    "shipping_method" text,
    "shipping_city" text,
    "shipping_cost" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_extra" text
);

create index if not exists "orders_load_id_row_number" on "raw"."orders" using brin (_load_id, _row_number);

create table if not exists "raw"."orders__lines" (
    "order_id" text,
    "product_id" text,
    "quantity" text,
    "unit_price" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_position" bigint not null,
    "_extra" text
);

create index if not exists "orders__lines_load_id_row_number" on "raw"."orders__lines" using brin (_load_id, _row_number);

create table if not exists "raw"."orders__payments" (
    "order_id" text,
    "method" text,
    "amount" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_position" bigint not null,
    "_extra" text
);

create index if not exists "orders__payments_load_id_row_number" on "raw"."orders__payments" using brin (_load_id, _row_number);

create table if not exists "raw"."products" (
    "product_id" text,
    "product_name" text,
    "category" text,
    "price" text,
    "stock_available" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_extra" text
);

create index if not exists "products_load_id_row_number" on "raw"."products" using brin (_load_id, _row_number);

create table if not exists "raw"."sales" (
    "transaction_id" text,
    "product_id" text,
    "quantity" text,
    "price" text,
    "transaction_date" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_extra" text
);

create index if not exists "sales_load_id_row_number" on "raw"."sales" using brin (_load_id, _row_number);

create table if not exists "raw"."transactions" (
    "transaction_id" text,
    "customer_id" text,
    "product_id" text,
    "quantity" text,
    "transaction_date" text,
    "total_amount" text,
    "_load_id" bigint not null,
    "_row_number" bigint not null,
    "_extra" text
);

create index if not exists "transactions_load_id_row_number" on "raw"."transactions" using brin (_load_id, _row_number);

create table if not exists "ops"."deliveries" (
    "delivery_id" bigint default nextval('ops.delivery_ids') not null,
    "feed" text,
    "bucket" text not null,
    "object_key" text not null,
    "version_id" text not null,
    "version_order" bigint default 0 not null,
    "etag" text,
    "sequencer" text,
    "delivered_at" timestamp not null,
    "bytes" bigint not null,
    "content_sha256" text,
    "load_id" bigint,
    "status" text default 'pending' not null,
    "attempts" integer default 0 not null,
    "error" text,
    "run_id" bigint,
    "registered_at" timestamp default (clock_timestamp() at time zone 'utc') not null,
    "finished_at" timestamp,
    primary key (delivery_id),
    unique (bucket, object_key, version_id),
    check (status in ('pending', 'loaded', 'duplicate', 'failed', 'unrecognized')),
    check ((load_id is not null) = (status in ('loaded', 'duplicate')))
);

create index if not exists "deliveries_pending" on "ops"."deliveries" (delivery_id) where status = 'pending';

create index if not exists "deliveries_content" on "ops"."deliveries" (feed, etag, bytes);

create index if not exists "deliveries_load_id" on "ops"."deliveries" (load_id);

create index if not exists "deliveries_run_id" on "ops"."deliveries" (run_id);

create table if not exists "ops"."replays" (
    "delivery_id" bigint not null,
    "load_id" bigint not null,
    "status" text default 'pending' not null,
    "attempts" integer default 0 not null,
    "error" text,
    "run_id" bigint,
    "requested_at" timestamp default (clock_timestamp() at time zone 'utc') not null,
    "finished_at" timestamp,
    primary key (delivery_id),
    check (status in ('pending', 'loaded', 'failed'))
);

create index if not exists "replays_pending" on "ops"."replays" (delivery_id) where status = 'pending';

create index if not exists "replays_run_id" on "ops"."replays" (run_id);

create table if not exists "ops"."loads" (
    "load_id" bigint default nextval('ops.load_ids') not null,
    "feed" text not null,
    "content_sha256" text not null,
    "contract_version" text not null,
    "records_read" bigint not null,
    "records_loaded" bigint not null,
    "records_rejected" bigint not null,
    "blank_lines" bigint default 0 not null,
    "route" text default 'lambda' not null,
    "loaded_at" timestamp default (clock_timestamp() at time zone 'utc') not null,
    primary key (load_id),
    unique (feed, content_sha256),
    check (records_read = records_loaded + records_rejected),
    check (route in ('lambda', 'glue'))
);

create table if not exists "ops"."load_arrays" (
    "load_id" bigint not null,
    "table_name" text not null,
    "elements" bigint not null,
    "rows_loaded" bigint not null,
    primary key (load_id, table_name),
    check (elements = rows_loaded)
);

create table if not exists "ops"."rejects" (
    "load_id" bigint not null,
    "row_number" bigint not null,
    "line_number" bigint,
    "byte_offset" bigint,
    "byte_length" bigint,
    "rule" text not null,
    "message" text not null,
    "raw_start" text
);

create index if not exists "rejects_load_id" on "ops"."rejects" using brin (load_id);

create table if not exists "ops"."runs" (
    "run_id" bigint default nextval('ops.run_ids') not null,
    "execution_arn" text not null,
    "status" text default 'running' not null,
    "started_at" timestamp default (clock_timestamp() at time zone 'utc') not null,
    "finished_at" timestamp,
    "files" integer default 0 not null,
    "files_loaded" integer default 0 not null,
    "files_duplicate" integer default 0 not null,
    "files_failed" integer default 0 not null,
    "records_read" bigint default 0 not null,
    "records_loaded" bigint default 0 not null,
    "records_rejected" bigint default 0 not null,
    "build_started_at" timestamp,
    "built_through" timestamp,
    "redshift_built_through" timestamp,
    "error" text,
    primary key (run_id),
    check (status in ('running', 'succeeded', 'failed', 'abandoned'))
);

create index if not exists "runs_execution_arn" on "ops"."runs" (execution_arn);

create table if not exists "ops"."lease" (
    "lease_id" integer default 1 not null,
    "execution_arn" text,
    "run_id" bigint,
    "expires_at" timestamp,
    primary key (lease_id),
    check (lease_id = 1)
);

create table if not exists "ops"."migrations" (
    "fingerprint" text not null,
    "applied_at" timestamp default (clock_timestamp() at time zone 'utc') not null,
    primary key (fingerprint)
);
