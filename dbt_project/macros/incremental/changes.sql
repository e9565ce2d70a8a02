{# What a table tells its readers: `builds.<model>_changes` has, for each row that went (_weight -1) or came (1),
   the columns of meta.publishes and the `_version` with which it did. The changes of the last ten versions are kept: a
   reader that lies further behind builds everything.
   This is what happened to an input since the model was built; a condition may follow. What another run adds meanwhile is
   for the next build. #}
{% macro changes_since(build, name) -%}
    {{ return(
        xtage.builds_table(name, 'changes') ~ ' where _version > ' ~ build.before.inputs[name] ~ ' and _version <= ' ~ build.inputs[name]
    ) }}
{%- endmacro %}

{# The statements that begin a table of changes: it is empty, and readers build everything. #}
{% macro changes_begun(build, relation) -%}
    {%- set changes = xtage.builds_table(model.name, 'changes') -%}
    {{ return([
        'drop table if exists ' ~ changes,
        'create table ' ~ changes ~ ' as select ' ~ build.meta.publishes | join(', ')
        ~ ', cast(0 as bigint) as _version, cast(0 as integer) as _weight from ' ~ relation ~ ' where false',
    ]) }}
{%- endmacro %}

{# The statements that tell in what a new table differs from the one that is there. #}
{% macro difference_published(build, new) -%}
    {%- set columns = build.meta.publishes | join(', ') -%}
    {%- set sides -%}
        select {{ columns }}, 1 as side from {{ new }}
        union all
        select {{ columns }}, -1 as side from {{ this }}
    {%- endset -%}
    {{ return([
        'insert into ' ~ xtage.builds_table(model.name, 'changes') ~ ' (' ~ columns ~ ', _version, _weight) select ' ~ columns ~ ', '
        ~ xtage.next_version(build) ~ ', sum(side) from (' ~ sides ~ ') as both_sides group by ' ~ columns
        ~ ' having sum(side) <> 0',
        xtage.forget_sql(build),
    ]) }}
{%- endmacro %}

{# Tells of rows that went or came. rows: a query of the published columns. #}
{% macro publish_sql(build, rows, weight) -%}
    {%- set columns = build.meta.publishes | join(', ') -%}
    {{ return(
        'insert into ' ~ xtage.builds_table(model.name, 'changes') ~ ' (' ~ columns ~ ', _version, _weight) select ' ~ columns ~ ', '
        ~ xtage.next_version(build) ~ ', ' ~ weight ~ ' from (' ~ rows ~ ') as published'
    ) }}
{%- endmacro %}

{% macro forget_sql(build) -%}
    {{ return('delete from ' ~ xtage.builds_table(model.name, 'changes') ~ ' where _version <= ' ~ (xtage.next_version(build) - 10)) }}
{%- endmacro %}
