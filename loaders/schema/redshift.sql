-- Generated from contracts/ by `python -m loaders.generate`; do not edit.

create schema if not exists "raw";

create schema if not exists "ops";

create table if not exists "raw"."customers" (
    "customer_id" varchar(65535),
    "customer_name" varchar(65535),
    "age" varchar(65535),
    "gender" varchar(65535),
    "location" varchar(65535),
    "date_joined" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."exchange_rates" (
    "currency_code" varchar(64),
    "date" varchar(65535),
    "exchange_rate" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."orders" (
    "order_id" varchar(65535),
    "customer_id" varchar(65535),
    "placed_at" varchar(65535),
    "shipping_method" varchar(65535),
    "shipping_city" varchar(65535),
    "shipping_cost" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."orders__lines" (
    "order_id" varchar(65535),
    "product_id" varchar(65535),
    "quantity" varchar(65535),
    "unit_price" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_position" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."orders__payments" (
    "order_id" varchar(65535),
    "method" varchar(65535),
    "amount" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_position" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."products" (
    "product_id" varchar(65535),
    "product_name" varchar(65535),
    "category" varchar(1000),
    "price" varchar(65535),
    "stock_available" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."sales" (
    "transaction_id" varchar(65535),
    "product_id" varchar(65535),
    "quantity" varchar(65535),
    "price" varchar(65535),
    "transaction_date" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "raw"."transactions" (
    "transaction_id" varchar(65535),
    "customer_id" varchar(65535),
    "product_id" varchar(65535),
    "quantity" varchar(65535),
    "transaction_date" varchar(65535),
    "total_amount" varchar(65535),
    "_load_id" bigint,
    "_row_number" bigint,
    "_extra" varchar(65535)
)
diststyle even
sortkey ("_load_id", "_row_number");

create table if not exists "ops"."deliveries" (
    "delivery_id" bigint,
    "feed" varchar(65535),
    "bucket" varchar(65535),
    "object_key" varchar(65535),
    "version_id" varchar(65535),
    "version_order" bigint,
    "etag" varchar(65535),
    "sequencer" varchar(65535),
    "delivered_at" timestamp,
    "bytes" bigint,
    "content_sha256" varchar(65535),
    "load_id" bigint,
    "status" varchar(65535),
    "attempts" integer,
    "error" varchar(65535),
    "run_id" bigint,
    "registered_at" timestamp,
    "finished_at" timestamp
)
diststyle all
sortkey ("delivery_id");

create table if not exists "ops"."loads" (
    "load_id" bigint,
    "feed" varchar(65535),
    "content_sha256" varchar(65535),
    "contract_version" varchar(65535),
    "records_read" bigint,
    "records_loaded" bigint,
    "records_rejected" bigint,
    "blank_lines" bigint,
    "route" varchar(65535),
    "loaded_at" timestamp
)
diststyle all
sortkey ("load_id");

create table if not exists "ops"."load_arrays" (
    "load_id" bigint,
    "table_name" varchar(65535),
    "elements" bigint,
    "rows_loaded" bigint
)
diststyle even
sortkey ("load_id");

create table if not exists "ops"."rejects" (
    "load_id" bigint,
    "row_number" bigint,
    "line_number" bigint,
    "byte_offset" bigint,
    "byte_length" bigint,
    "rule" varchar(65535),
    "message" varchar(65535),
    "raw_start" varchar(65535)
)
diststyle even
sortkey ("load_id", "row_number");
