{# The ids of the loads of these feeds that the model is not built from, or that count otherwise now (stg_load_marks).
   What they are is kept for loads_built: a load that lands meanwhile is for the next run. #}
{% macro find_changed_loads(feeds) -%}
    {%- set marks = graph.nodes['model.xtage.stg_load_marks'].relation_name -%}
    {%- set columns = 'load_id, delivery_id, landed_at' -%}
    {%- call statement() -%}
        create temporary table {{ model.name }}__loads as
        select {{ columns }}, sum(side) as side
        from (
            select {{ columns }}, 1 as side from {{ marks }} where feed in ({{ xtage.quoted_list(feeds) }})
            union all
            select {{ columns }}, -1 as side from {{ xtage.builds_table(model.name, 'loads') }}
        ) as both_sides
        group by {{ columns }}
        having sum(side) <> 0
    {%- endcall -%}
    {%- set found = run_query('select distinct load_id from ' ~ model.name ~ '__loads order by load_id') -%}
    {{ return(found.columns[0].values() | map('int') | list) }}
{%- endmacro %}

{# The statements that write down what find_changed_loads found. #}
{% macro loads_built() -%}
    {%- set built, found = xtage.builds_table(model.name, 'loads'), model.name ~ '__loads' -%}
    {%- set recorded = model.name ~ '_loads' -%}
    {{ return([
        'delete from ' ~ built ~ ' using ' ~ found ~ ' where ' ~ found ~ '.side < 0 and '
        ~ xtage.same_columns(recorded, ['load_id', 'landed_at'], found, ['load_id', 'landed_at']) ~ ' and '
        ~ xtage.is_same(recorded ~ '.delivery_id', found ~ '.delivery_id'),
        'insert into ' ~ built ~ ' (load_id, delivery_id, landed_at) select load_id, delivery_id, landed_at from ' ~ found
        ~ ' where side > 0',
    ]) }}
{%- endmacro %}

{# Whether these loads hold so many of the feeds' records that building everything is less work. #}
{% macro are_most_records(load_ids, feeds) -%}
    {%- if not load_ids -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set found = run_query(
        'select sum(case when load_id in (' ~ load_ids | join(', ') ~ ') then records_loaded else 0 end), sum(records_loaded)'
        ~ ' from ' ~ graph.nodes['model.xtage.stg_loads'].relation_name
        ~ ' where feed in (' ~ xtage.quoted_list(feeds) ~ ')'
    ) -%}
    {%- set changed, all = found.rows[0] -%}
    {{ return(changed | float > (all | float) * var('incremental_up_to')) }}
{%- endmacro %}
