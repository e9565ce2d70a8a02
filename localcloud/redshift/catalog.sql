-- What Redshift has and PostgreSQL lacks, in the database `redshift` only. Functions and views that clients call without
-- a schema are made in pg_catalog, where Redshift has them; the harness's own tables are in the schema `redshift`.
-- Sources: https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions.html, .../cm_chap_system-tables.html
set allow_system_table_mods = on;
set check_function_bodies = off;

create schema if not exists redshift;
-- Whoever makes a table or a late-binding view leaves something here.
grant usage, create on schema redshift to public;

-- Distribution, sort keys and constraints of tables: kept, shown, not enforced.
create table if not exists redshift.table_keys (
    table_id oid primary key,
    dist_style text not null,
    dist_key text not null,
    sort_keys text [] not null,
    primary_key text [] not null,
    other_keys text [] not null
);

create or replace function redshift.remember_keys(
    name text, style text, distribution text, sorted text [], primary_columns text [], others text []
) returns void language sql security definer as '
    insert into redshift.table_keys
    select to_regclass(name), style, distribution, sorted, primary_columns, others
    where to_regclass(name) is not null
    on conflict (table_id) do update set
        dist_style = excluded.dist_style,
        dist_key = excluded.dist_key,
        sort_keys = excluded.sort_keys,
        primary_key = excluded.primary_key,
        other_keys = excluded.other_keys
';

-- What COPY has loaded, and the lines for which it failed.
create table if not exists redshift.load_history (
    query_id bigint generated always as identity,
    table_name text not null,
    source text not null,
    rows bigint not null,
    loaded_at timestamp not null default (statement_timestamp() at time zone 'utc')
);
create table if not exists redshift.load_errors (
    query_id bigint generated always as identity,
    table_name text not null,
    filename text not null,
    line_number bigint not null,
    column_name text not null,
    reason text not null,
    failed_at timestamp not null default (statement_timestamp() at time zone 'utc')
);

grant insert on redshift.load_history to public;

-- The functions of late-binding views that are gone.
do '
declare
    orphan regprocedure;
begin
    for orphan in
        select oid from pg_proc
        where pronamespace = ''redshift''::regnamespace and proname ~ ''^late_binding_''
            and not exists (select 1 from pg_depend where refobjid = pg_proc.oid and deptype = ''n'')
    loop
        execute ''drop function '' || orphan;
    end loop;
end
';

delete from redshift.table_keys where table_id not in (select oid from pg_class);

-- A built-in function keeps its meaning whatever replaces it under its number: those that differ make way by their name.
do '
declare
    signature text;
begin
    foreach signature in array array[
        ''version()'', ''regexp_replace(text, text, text)'', ''regexp_substr(text, text)''
    ] loop
        if to_regprocedure(''pg_catalog.postgres_'' || signature) is null then
            execute format(
                ''alter function pg_catalog.%s rename to %I'', signature, ''postgres_'' || split_part(signature, ''('', 1)
            );
        end if;
    end loop;
end
';

-- Primary keys appear as indexes, though there is none: clients look for them there.
do '
begin
    if to_regclass(''pg_catalog.postgres_pg_indexes'') is null then
        alter view pg_catalog.pg_indexes rename to postgres_pg_indexes;
    end if;
end
';
create or replace view pg_catalog.pg_indexes as
select
    namespaces.nspname as schemaname,
    tables.relname as tablename,
    (tables.relname || '_pkey')::name as indexname,
    null::name as tablespace,
    format(
        'CREATE UNIQUE INDEX %I ON %I.%I USING btree (%s)',
        tables.relname || '_pkey',
        namespaces.nspname,
        tables.relname,
        array_to_string(keys.primary_key, ', ')
    ) as indexdef
from redshift.table_keys as keys
inner join pg_class as tables on keys.table_id = tables.oid
inner join pg_namespace as namespaces on tables.relnamespace = namespaces.oid
where cardinality(keys.primary_key) > 0;

create or replace function pg_catalog.version() returns text language sql immutable as '
    select ''PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), ''
        || ''Redshift 1.0.0 (protocol and dialect harness)''
';

-- Dates. Redshift's are without a zone and in UTC.
create or replace function pg_catalog.getdate() returns timestamp language sql stable as '
    select date_trunc(''second'', statement_timestamp() at time zone ''utc'')
';
create or replace function pg_catalog.sysdate() returns timestamp language sql stable as '
    select transaction_timestamp() at time zone ''utc''
';

create or replace function redshift.date_part_name(part text) returns text language sql immutable as '
    select case
        when part in (''millennium'', ''millennia'', ''mil'', ''mils'') then ''millennium''
        when part in (''century'', ''centuries'', ''c'', ''cent'', ''cents'') then ''century''
        when part in (''decade'', ''decades'', ''dec'', ''decs'') then ''decade''
        when part in (''year'', ''years'', ''y'', ''yr'', ''yrs'') then ''year''
        when part in (''quarter'', ''quarters'', ''qtr'', ''qtrs'') then ''quarter''
        when part in (''month'', ''months'', ''mon'', ''mons'') then ''month''
        when part in (''week'', ''weeks'', ''w'') then ''week''
        when part in (''day'', ''days'', ''d'') then ''day''
        when part in (''hour'', ''hours'', ''h'', ''hr'', ''hrs'') then ''hour''
        when part in (''minute'', ''minutes'', ''m'', ''min'', ''mins'') then ''minute''
        when part in (''second'', ''seconds'', ''s'', ''sec'', ''secs'') then ''second''
        when part in (''millisecond'', ''milliseconds'', ''ms'', ''msec'', ''msecs'') then ''millisecond''
        when part in (''microsecond'', ''microseconds'', ''us'', ''usec'', ''usecs'') then ''microsecond''
    end
';

create or replace function pg_catalog.dateadd(part text, number bigint, since timestamp)
returns timestamp language sql immutable as '
    select since + number * case redshift.date_part_name(lower(part))
        when ''quarter'' then interval ''3 months''
        else (''1 '' || redshift.date_part_name(lower(part)))::interval
    end
';
create or replace function pg_catalog.dateadd(part text, number bigint, since date)
returns timestamp language sql immutable as 'select pg_catalog.dateadd(part, number, since::timestamp)';
create or replace function pg_catalog.dateadd(part text, number bigint, since timestamptz)
returns timestamptz language sql stable as '
    select pg_catalog.dateadd(part, number, since at time zone ''utc'') at time zone ''utc''
';

-- Counts the boundaries between two moments; weeks begin on Sunday.
create or replace function pg_catalog.datediff(part text, first timestamp, last timestamp)
returns bigint language sql immutable as '
    select case redshift.date_part_name(lower(part))
        when ''millennium'' then date_part(''millennium'', last) - date_part(''millennium'', first)
        when ''century'' then date_part(''century'', last) - date_part(''century'', first)
        when ''decade'' then date_part(''decade'', last) - date_part(''decade'', first)
        when ''year'' then date_part(''year'', last) - date_part(''year'', first)
        when ''quarter''
            then (date_part(''year'', last) - date_part(''year'', first)) * 4
                + date_part(''quarter'', last) - date_part(''quarter'', first)
        when ''month''
            then (date_part(''year'', last) - date_part(''year'', first)) * 12
                + date_part(''month'', last) - date_part(''month'', first)
        when ''week''
            then ((last::date - date_part(''dow'', last)::int) - (first::date - date_part(''dow'', first)::int)) / 7
        when ''day'' then last::date - first::date
        when ''hour''
            then extract(epoch from date_trunc(''hour'', last) - date_trunc(''hour'', first)) / 3600
        when ''minute''
            then extract(epoch from date_trunc(''minute'', last) - date_trunc(''minute'', first)) / 60
        when ''second''
            then extract(epoch from date_trunc(''second'', last) - date_trunc(''second'', first))
        when ''millisecond''
            then extract(epoch from date_trunc(''millisecond'', last) - date_trunc(''millisecond'', first)) * 1000
        when ''microsecond'' then extract(epoch from last - first) * 1000000
    end::bigint
';
create or replace function pg_catalog.datediff(part text, first date, last date)
returns bigint language sql immutable as 'select pg_catalog.datediff(part, first::timestamp, last::timestamp)';
create or replace function pg_catalog.datediff(part text, first timestamptz, last timestamptz)
returns bigint language sql stable as '
    select pg_catalog.datediff(part, first at time zone ''utc'', last at time zone ''utc'')
';

create or replace function pg_catalog.last_day(moment timestamp) returns date language sql immutable as '
    select (date_trunc(''month'', moment) + interval ''1 month - 1 day'')::date
';
create or replace function pg_catalog.last_day(day date) returns date language sql immutable as '
    select (date_trunc(''month'', day::timestamp) + interval ''1 month - 1 day'')::date
';
create or replace function pg_catalog.add_months(moment timestamp, number bigint)
returns timestamp language sql immutable as '
    select case
        when moment::date = pg_catalog.last_day(moment)
            then pg_catalog.last_day(moment + number * interval ''1 month'') + moment::time
        else moment + number * interval ''1 month''
    end
';
create or replace function pg_catalog.convert_timezone(zone text, moment timestamp)
returns timestamp language sql immutable as 'select moment at time zone ''utc'' at time zone zone';
create or replace function pg_catalog.convert_timezone(source text, zone text, moment timestamp)
returns timestamp language sql immutable as 'select moment at time zone source at time zone zone';
create or replace function pg_catalog.trunc(moment timestamp) returns date language sql immutable as '
    select moment::date
';

-- Text.
create or replace function pg_catalog.len(value text) returns integer language sql immutable as '
    select length(value)
';
create or replace function pg_catalog.charindex(part text, value text) returns integer language sql immutable as '
    select strpos(value, part)
';
-- Every match is replaced, and a text without a match is empty, not null.
create or replace function pg_catalog.regexp_replace(value text, pattern text, replacement text)
returns text language sql immutable as '
    select pg_catalog.regexp_replace(value, pattern, replacement, 1, 0)
';
create or replace function pg_catalog.regexp_replace(value text, pattern text)
returns text language sql immutable as '
    select pg_catalog.regexp_replace(value, pattern, '''', 1, 0)
';
create or replace function pg_catalog.regexp_substr(value text, pattern text)
returns text language sql immutable as '
    select case when value is not null and pattern is not null
        then coalesce(pg_catalog.postgres_regexp_substr(value, pattern), '''')
    end
';
create or replace function pg_catalog.sha2(value text, bits integer) returns text language sql immutable as '
    select case
        when bits in (0, 256) then encode(sha256(value::bytea), ''hex'')
        when bits = 224 then encode(sha224(value::bytea), ''hex'')
        when bits = 384 then encode(sha384(value::bytea), ''hex'')
        when bits = 512 then encode(sha512(value::bytea), ''hex'')
    end
';
create or replace function pg_catalog.round(value double precision, places integer)
returns double precision language sql immutable as 'select round(value::numeric, places)::double precision';

-- Null when one part is null.
create or replace function pg_catalog.concat(first text, second text) returns text language sql immutable as '
    select first || second
';
-- Redshift has no cast of a boolean to text.
create or replace function redshift.refuse_boolean_as_text(value boolean) returns text language plpgsql immutable as '
begin
    raise exception using
        errcode = ''42846'',
        message = ''cannot cast type boolean to character varying; write case when ... then true ... end'';
end
';
update pg_cast set castfunc = 'redshift.refuse_boolean_as_text'::regproc, castmethod = 'f'
where castsource = 'boolean'::regtype and casttarget in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype);

-- JSON and SUPER, which is kept as jsonb.
create or replace function pg_catalog.json_parse(value text) returns jsonb language sql immutable as '
    select value::jsonb
';
create or replace function pg_catalog.json_serialize(value jsonb) returns text language sql immutable as '
    select value::text
';
create or replace function pg_catalog.is_valid_json(value text) returns boolean language sql immutable as '
    select value is json object
';
create or replace function pg_catalog.is_valid_json_array(value text) returns boolean language sql immutable as '
    select value is json array
';
create or replace function pg_catalog.can_json_parse(value text) returns boolean language sql immutable as '
    select value is json
';
create or replace function pg_catalog.json_array_length(value text) returns integer language sql immutable as '
    select json_array_length(value::json)
';
-- A path that is not there gives an empty string.
create or replace function pg_catalog.json_extract_path_text(value text, variadic path text [])
returns text language sql immutable as '
    select case when value is not null then coalesce(value::jsonb #>> path, '''') end
';

-- Views and functions of the system that clients read.
create or replace function pg_catalog.pg_get_late_binding_view_cols() returns setof record language sql stable as '
    select null::name, null::name, null::name, null::varchar, null::integer where false
';
create or replace function pg_catalog.pg_last_copy_count() returns bigint language sql stable as '
    select nullif(current_setting(''redshift.last_copy_count'', true), '''')::bigint
';

create or replace view pg_catalog.stl_load_errors as
select
    100 as userid,
    0 as slice,
    0 as tbl,
    failed_at as starttime,
    0 as session,
    query_id as query,
    filename::char(256),
    line_number,
    column_name::char(127) as colname,
    null::char(10) as type,
    null::char(10) as col_length,
    null::integer as position,
    null::char(1024) as raw_line,
    null::char(1024) as raw_field_value,
    null::integer as err_code,
    reason::char(100) as err_reason
from redshift.load_errors;

create or replace view pg_catalog.sys_load_history as
select
    query_id,
    'completed'::text as status,
    table_name,
    loaded_at as start_time,
    loaded_at as end_time,
    source as data_source,
    rows as loaded_rows
from redshift.load_history;

create or replace view pg_catalog.svv_columns as
select
    table_catalog::varchar(128),
    table_schema::varchar(128),
    table_name::varchar(128),
    column_name::varchar(128),
    ordinal_position::integer,
    column_default::varchar(4000),
    is_nullable::varchar(3),
    data_type::varchar(128),
    character_maximum_length::integer,
    numeric_precision::integer,
    numeric_precision_radix::integer,
    numeric_scale::integer,
    datetime_precision::integer,
    null::varchar(128) as interval_type,
    null::varchar(128) as interval_precision,
    null::varchar(128) as character_set_catalog,
    null::varchar(128) as character_set_schema,
    null::varchar(128) as character_set_name,
    null::varchar(128) as collation_catalog,
    null::varchar(128) as collation_schema,
    null::varchar(128) as collation_name,
    null::varchar(128) as domain_name,
    null::varchar(10) as remarks
from information_schema.columns;

create or replace view pg_catalog.svv_transactions as
select
    activity.usename::text as txn_owner,
    activity.datname::text as txn_db,
    activity.backend_xid::text::bigint as xid,
    locks.pid,
    activity.xact_start at time zone 'utc' as txn_start,
    locks.mode::text as lock_mode,
    locks.locktype::text as lockable_object_type,
    locks.relation::bigint::integer as relation,
    locks.granted
from pg_locks as locks
inner join pg_stat_activity as activity on locks.pid = activity.pid
where locks.locktype in ('relation', 'transactionid');

create or replace view pg_catalog.svv_tables as
select
    table_catalog::varchar(128),
    table_schema::varchar(128),
    table_name::varchar(128),
    table_type::varchar(128),
    null::varchar(10) as remarks
from information_schema.tables;

create or replace view pg_catalog.svv_redshift_columns as
select
    table_catalog::varchar(128) as database_name,
    table_schema::varchar(128) as schema_name,
    table_name::varchar(128),
    column_name::varchar(128),
    ordinal_position::integer,
    data_type::varchar(128),
    column_default::varchar(4000),
    is_nullable::varchar(3),
    null::varchar(128) as encoding,
    coalesce(keys.dist_key = column_name, false) as distkey,
    coalesce(array_position(keys.sort_keys, column_name::text), 0) as sortkey,
    null::varchar(128) as column_acl,
    null::varchar(256) as remarks
from information_schema.columns
left join redshift.table_keys as keys
    on keys.table_id = to_regclass(quote_ident(table_schema) || '.' || quote_ident(table_name));

create or replace view pg_catalog.svv_external_columns as
select
    null::text as redshift_database_name,
    null::text as schemaname,
    null::text as tablename,
    null::text as columnname,
    null::text as external_type,
    null::integer as columnnum,
    null::integer as part_key,
    null::text as is_nullable
where false;

create or replace view pg_catalog.pg_table_def as
select
    namespaces.nspname as schemaname,
    tables.relname as tablename,
    columns.attname as "column",
    format_type(columns.atttypid, columns.atttypmod)::varchar as type,
    'none'::varchar as encoding,
    coalesce(keys.dist_key = columns.attname, false) as distkey,
    coalesce(array_position(keys.sort_keys, columns.attname::text), 0) as sortkey,
    columns.attnotnull as "notnull"
from pg_class as tables
inner join pg_namespace as namespaces on tables.relnamespace = namespaces.oid
inner join pg_attribute as columns on tables.oid = columns.attrelid
left join redshift.table_keys as keys on tables.oid = keys.table_id
where tables.relkind = 'r' and columns.attnum > 0 and not columns.attisdropped;

create or replace view pg_catalog.svv_table_info as
select
    current_database()::text as database,
    namespaces.nspname::text as schema,
    tables.oid as table_id,
    tables.relname::text as "table",
    'N'::text as encoded,
    case
        when keys.dist_style = 'key' then 'KEY(' || keys.dist_key || ')'
        else upper(coalesce(keys.dist_style, 'auto'))
    end as diststyle,
    coalesce(keys.sort_keys[1], 'AUTO(SORTKEY)') as sortkey1,
    null::integer as max_varchar,
    null::text as sortkey1_enc,
    coalesce(cardinality(keys.sort_keys), 0) as sortkey_num,
    (pg_total_relation_size(tables.oid) / 1048576)::bigint as size,
    null::numeric(10, 4) as pct_used,
    0::numeric(5, 2) as unsorted,
    0::numeric(5, 2) as stats_off,
    greatest(tables.reltuples, 0)::numeric(38, 0) as tbl_rows,
    null::numeric(19, 2) as skew_sortkey1,
    null::numeric(19, 2) as skew_rows,
    greatest(tables.reltuples, 0)::numeric(38, 0) as estimated_visible_rows,
    null::text as risk_event,
    null::numeric(5, 2) as vacuum_sort_benefit,
    null::timestamp as create_time
from pg_class as tables
inner join pg_namespace as namespaces on tables.relnamespace = namespaces.oid
left join redshift.table_keys as keys on tables.oid = keys.table_id
where tables.relkind = 'r' and namespaces.nspname not in ('pg_catalog', 'information_schema', 'redshift');

-- What SHOW shows.
create or replace view redshift.show_databases as
select
    datname::varchar(128) as database_name,
    pg_get_userbyid(datdba)::varchar(128) as database_owner,
    'local'::varchar(128) as database_type,
    null::varchar(128) as database_acl,
    null::varchar(128) as parameters
from pg_database
where datname = current_database();

create or replace view redshift.show_schemas as
select
    current_database()::varchar(128) as database_name,
    nspname::varchar(128) as schema_name,
    pg_get_userbyid(nspowner)::varchar(128) as schema_owner,
    'local'::varchar(128) as schema_type,
    null::varchar(128) as schema_acl,
    null::varchar(128) as source_database,
    null::varchar(128) as schema_option
from pg_namespace
where nspname not like 'pg\_%' and nspname not in ('information_schema', 'redshift');

create or replace view redshift.show_tables as
select
    current_database()::varchar(128) as database_name,
    namespaces.nspname::varchar(128) as schema_name,
    tables.relname::varchar(128) as table_name,
    case when tables.relkind = 'v' then 'VIEW' else 'TABLE' end::varchar(128) as table_type,
    null::varchar(128) as table_acl,
    obj_description(tables.oid, 'pg_class')::varchar(256) as remarks,
    pg_get_userbyid(tables.relowner)::varchar(128) as owner,
    null::timestamp as last_altered_time,
    null::timestamp as last_modified_time,
    upper(coalesce(keys.dist_style, 'auto'))::varchar(128) as dist_style,
    case
        when tables.relkind = 'r' then 'REGULAR TABLE'
        when pg_get_viewdef(tables.oid) like '%redshift.late_binding_%' then 'LATE BINDING VIEW'
        else 'REGULAR VIEW'
    end::varchar(128) as table_subtype
from pg_class as tables
inner join pg_namespace as namespaces on tables.relnamespace = namespaces.oid
left join redshift.table_keys as keys on tables.oid = keys.table_id
where tables.relkind in ('r', 'v');

create or replace view redshift.show_columns as
select
    table_catalog::varchar(128) as database_name,
    table_schema::varchar(128) as schema_name,
    table_name::varchar(128) as table_name,
    column_name::varchar(128) as column_name,
    ordinal_position::integer as ordinal_position,
    column_default::varchar(4000) as column_default,
    is_nullable::varchar(3) as is_nullable,
    data_type::varchar(128) as data_type,
    character_maximum_length::integer as character_maximum_length,
    numeric_precision::integer as numeric_precision,
    numeric_scale::integer as numeric_scale,
    null::varchar(256) as remarks
from information_schema.columns;
