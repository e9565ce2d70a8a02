{# Builds take turns. Whoever builds into a set of schemas, the pipeline or a person, has it for the whole of a run: two at
   once replace what the other one is about to read. Schemas of one's own (XTAGE_SCHEMA_PREFIX) have a turn of their own.

   The one row of `builds.turn` says whose it is. A holder is called as its sessions are (application_name in
   profiles.yml), and is looked for among them: dbt opens one for each model, so a holder who has had none for ten seconds
   was interrupted, or its machine sleeps, and the turn is the next one's. Who comes back from sleep is stopped
   (keep_turn). What is left of a session that nobody answers for is ended by the server's limits
   (idle_in_transaction_session_timeout, keepalives). #}

{# A hook: waits for the turn and takes it, telling each quarter of a minute whom it waits for. Raises an error, and no model is
   run, when that takes longer than the variable `wait_up_to`. #}
{% macro take_turn() -%}
    {%- if execute -%}
        {{ adapter.dispatch('take_turn', 'xtage')() }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__take_turn() -%}
    {%- do xtage.execute_all([xtage.make_turn_sql(), 'commit']) -%}
    {%- set ahead = namespace(turn=xtage.turn_after_asking(), unseen=0) -%}
    {%- for second in range(var('wait_up_to')) if ahead.turn.invocation_id != invocation_id -%}
        {%- if second == 0 -%}
            {%- do xtage.execute_all([xtage.waiting_sql(), 'commit']) -%}
        {%- endif -%}
        {%- if second % 15 == 0 -%}
            {%- do log('Waiting for ' ~ xtage.holder_of(ahead.turn), info=true) -%}
        {%- endif -%}
        {%- do run_query('select pg_sleep(1)') -%}
        {%- set before = ahead.turn -%}
        {%- set ahead.turn = xtage.turn_after_asking(gone=before.invocation_id if ahead.unseen >= 10 else none) -%}
        {%- set is_seen = ahead.turn.is_here or ahead.turn.invocation_id != before.invocation_id -%}
        {%- set ahead.unseen = 0 if is_seen else ahead.unseen + 1 -%}
    {%- endfor -%}
    {%- if ahead.turn.invocation_id != invocation_id -%}
        {{ exceptions.raise_compiler_error('waited long enough for ' ~ xtage.holder_of(ahead.turn)) }}
    {%- endif -%}
    {%- do xtage.execute_all(['reset application_name', 'commit']) -%}
    {%- do xtage.look_again() -%}
{%- endmacro %}

{# Redshift tells nobody which sessions of others there are, and of two transactions that write one row one fails. There the pipeline alone builds; others use schemas of their own. #}
{% macro redshift__take_turn() -%}
{%- endmacro %}

{# Before each model: a run that slept until its turn was another's must not go on. #}
{% macro keep_turn() -%}
    {%- if execute -%}
        {{ adapter.dispatch('keep_turn', 'xtage')() }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__keep_turn() -%}
    {%- set turn = xtage.turn() -%}
    {%- if turn.invocation_id != invocation_id -%}
        {{ exceptions.raise_compiler_error(
            'this run was away for so long that its turn went to ' ~ (turn.holder or 'another run, which has ended')
            ~ ': start it again'
        ) }}
    {%- endif -%}
{%- endmacro %}

{% macro redshift__keep_turn() -%}
{%- endmacro %}

{# A hook: the turn is free again. After an interruption there is nobody to say so: see above. #}
{% macro end_turn() -%}
    {{ return(adapter.dispatch('end_turn', 'xtage')()) }}
{%- endmacro %}

{% macro postgres__end_turn() -%}
    update {{ xtage.builds_schema() }}.turn set invocation_id = null, holder = null, since = null
    where invocation_id = '{{ invocation_id }}';
    commit
{%- endmacro %}

{% macro redshift__end_turn() -%}
{%- endmacro %}

{# Two first runs at once may both find it missing: then it is made by the other one. #}
{% macro make_turn_sql() -%}
    do $$
    begin
        create schema if not exists {{ xtage.builds_schema() }};
        create table if not exists {{ xtage.builds_schema() }}.turn (
            turn_id integer primary key check (turn_id = 1),
            invocation_id varchar(36),
            holder varchar(63),
            since timestamp
        );
        insert into {{ xtage.builds_schema() }}.turn (turn_id) values (1) on conflict do nothing;
    exception
        when unique_violation or duplicate_table or duplicate_schema then null;
    end
    $$
{%- endmacro %}

{# Whose turn it is after this run has asked for it: it is given a free one, and that of a holder who is gone.
   gone: the invocation_id of a holder who was not seen for a while. #}
{% macro turn_after_asking(gone=none) -%}
    {%- do xtage.execute_all([
        "update " ~ xtage.builds_schema() ~ ".turn set invocation_id = '" ~ invocation_id ~ "',"
        ~ " holder = " ~ xtage.own_name_sql() ~ ", since = clock_timestamp() at time zone 'utc'"
        ~ " where invocation_id is null or invocation_id = '" ~ gone ~ "' and not " ~ xtage.is_here_sql()
    ]) -%}
    {%- set turn = xtage.turn() -%}
    {# Also because a transaction sees the same sessions until its end. #}
    {%- do xtage.execute_all(['commit']) -%}
    {{ return(turn) }}
{%- endmacro %}

{# The row of the turn, and whether its holder has a session. #}
{% macro turn() -%}
    {{ return(run_query(
        "select invocation_id, holder, to_char(since, 'HH24:MI:SS') as since, " ~ xtage.is_here_sql() ~ " as is_here from "
        ~ xtage.builds_schema() ~ ".turn"
    ).rows[0]) }}
{%- endmacro %}

{# The name and not more: what else pg_stat_activity has is not for everybody. #}
{% macro is_here_sql() -%}
    exists (
        select 1 from pg_stat_activity
        where datname = current_database() and application_name = holder and pid <> pg_backend_pid()
    )
{%- endmacro %}

{# Who waits is called another way, and is not taken for a holder of the same name. #}
{% macro waiting_sql() -%}
    select set_config('application_name', left({{ xtage.own_name_sql() }}, 54) || ', waiting', false)
{%- endmacro %}

{% macro own_name_sql() -%}
    split_part(current_setting('application_name'), ', waiting', 1)
{%- endmacro %}

{# Who has the turn, and what one can do about it. #}
{% macro holder_of(turn) -%}
    {{ return(
        turn.holder ~ ', which has been building the same schemas since ' ~ turn.since ~ ' UTC. With XTAGE_SCHEMA_PREFIX one builds'
        ~ " beside it; `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '" ~ turn.holder ~ "'` ends it"
    ) }}
{%- endmacro %}

{# Brings up to date what dbt knows of the relations: it looked before the run had its turn. #}
{% macro look_again() -%}
    {%- set found = {} -%}
    {%- for row in run_query(
        "select nspname, relname, case relkind when 'v' then 'view' else 'table' end from pg_class"
        ~ " inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid where relkind in ('r', 'v')"
    ).rows -%}
        {%- do found.update({(row[0], row[1]): row[2]}) -%}
    {%- endfor -%}
    {%- set schemas = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'test') -%}
        {%- do schemas.append(node.schema) -%}
        {%- set known = adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- if known and found.get((node.schema, node.alias)) != known.type -%}
            {%- do adapter.cache_dropped(known) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for (schema, name), type in found.items() if schema in schemas -%}
        {%- do adapter.cache_added(
            api.Relation.create(database=target.dbname, schema=schema, identifier=name, type=type)
        ) -%}
    {%- endfor -%}
{%- endmacro %}
