{# Executes statements that need relations for themselves, on PostgreSQL. One that waited for a reader would keep all who
   come after it waiting, too, as long as that reader takes. So it waits half a second, lets the others pass, and tries
   again, telling each quarter of a minute whom it waits for, until the variable `wait_up_to`. Half a second is also less than
   PostgreSQL takes to look for deadlocks and end one of both, which may be the reader.
   relation: the table or view whose readers are in the way, and those of the views on it. #}
{% macro when_free(relation, statements) -%}
    {%- set name = relation.schema ~ '.' ~ relation.identifier -%}
    {%- set attempt -%}
        do $when_free$
        begin
            perform set_config('xtage.readers', '', true);
            set local lock_timeout = '500ms';
            {{ statements }}
            set local lock_timeout = default;
        exception
            when lock_not_available then
                perform pg_stat_clear_snapshot();
                perform set_config('xtage.readers', {{ xtage.readers_sql(relation) }}, true);
        end
        $when_free$;
        select current_setting('xtage.readers') as readers
    {%- endset -%}
    {%- set waiting = namespace(readers=xtage.readers_after(attempt)) -%}
    {%- for second in range(var('wait_up_to')) if waiting.readers -%}
        {%- if second % 15 == 0 -%}
            {%- do log('Waiting to replace ' ~ name ~ ', which is read by ' ~ waiting.readers, info=true) -%}
        {%- endif -%}
        {%- do run_query('select pg_sleep(1)') -%}
        {%- set waiting.readers = xtage.readers_after(attempt) -%}
    {%- endfor -%}
    {%- if waiting.readers -%}
        {{ exceptions.raise_compiler_error(
            'waited long enough to replace ' ~ name ~ ', which is still read by ' ~ waiting.readers
            ~ '; `select pg_terminate_backend(pid)` ends a session'
        ) }}
    {%- endif -%}
{%- endmacro %}

{# Who reads a relation or a view on it. #}
{% macro readers_sql(relation) -%}
    coalesce((
        select
            string_agg(
                distinct format(
                    '%s with %s (pid %s, since %s UTC)',
                    usename, coalesce(nullif(application_name, ''), 'no name'), pid, to_char(xact_start at time zone 'utc', 'HH24:MI:SS')
                ), '; '
            )
        from pg_locks
        inner join pg_stat_activity using (pid)
        where
            granted and pid <> pg_backend_pid()
            and relation in (
                select to_regclass('{{ relation }}')
                union all
                select ev_class from pg_rewrite inner join pg_depend on pg_depend.objid = pg_rewrite.oid
                where refobjid = to_regclass('{{ relation }}')
            )
    ), 'somebody')
{%- endmacro %}

{# Who was in the way of an attempt. #}
{% macro readers_after(attempt) -%}
    {%- call statement('attempt', fetch_result=True) -%}{{ attempt }}{%- endcall -%}
    {{ return(load_result('attempt')['data'][0][0]) }}
{%- endmacro %}

{# Tables and views that dbt drops are read by people, too. #}
{% macro postgres__drop_relation(relation) -%}
    {%- do xtage.when_free(relation, get_drop_sql(relation) ~ ';') -%}
{%- endmacro %}

{% macro redshift__drop_relation(relation) -%}
    {{ return(default__drop_relation(relation)) }}
{%- endmacro %}
