{# Makes a table of the keys whose rows may be different, and of the records of the changed loads. Where most rows are
   to be replaced, building everything is less work: then that becomes the way of the build. #}
{% macro find_changed_keys(build) -%}
    {%- set key = xtage.key_columns() -%}
    {%- do xtage.execute_all([xtage.cheap_lookups_sql()]) -%}
    {%- set selects = xtage.keys_of_loads(build, key) if build.changed_loads else [] -%}
    {%- for name in build.changed_inputs -%}
        {%- set changes = xtage.changes_since(build, name) -%}
        {%- if name in build.meta.get('changed_by', {}) -%}
            {%- set theirs = build.meta.changed_by[name] -%}
            {%- do selects.append('select ' ~ xtage.renamed(theirs, key) ~ ' from ' ~ changes) -%}
        {%- elif name in build.meta.get('looked_up', {}) -%}
            {%- set column = build.meta.looked_up[name] -%}
            {%- do selects.append(
                'select ' ~ key | join(', ') ~ ' from ' ~ this ~ ' where ' ~ column ~ ' in (select ' ~ column ~ ' from '
                ~ changes ~ ')'
            ) -%}
        {%- else -%}
            {{ exceptions.raise_compiler_error(
                model.name ~ ' reads ' ~ name ~ ', and its config does not say which of its rows a change there touches'
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {%- do xtage.execute_all([
        'create temporary table ' ~ model.name ~ '__keys as select distinct ' ~ key | join(', ') ~ ' from (\n'
        ~ selects | join('\nunion all\n') ~ '\n) as keys where ' ~ key | join(' is not null and ') ~ ' is not null',
        xtage.analyze_sql(model.name ~ '__keys'),
    ]) -%}
    {%- set keys = run_query('select count(*) from ' ~ model.name ~ '__keys').rows[0][0] | float -%}
    {%- if keys > (build.before.row_count or keys) | float * var('incremental_up_to') -%}
        {%- do build.update({'way': 'everything'}) -%}
    {%- endif -%}
{%- endmacro %}

{# The selects of the keys in the changed loads, as they are and as the table has them. #}
{% macro keys_of_loads(build, key) -%}
    {%- set selects = [] -%}
    {%- set load = xtage.load_column(model) -%}
    {%- do xtage.read_changed_loads(build) -%}
    {%- if load in key -%}
        {{ return(['select ' ~ load ~ ' from ' ~ model.name ~ '__loads']) }}
    {%- endif -%}
    {%- for name in build.meta.get('records', []) -%}
        {%- do selects.append('select ' ~ key | join(', ') ~ ' from ' ~ model.name ~ '__' ~ name) -%}
    {%- endfor -%}
    {%- do selects.append(
        'select ' ~ key | join(', ') ~ ' from ' ~ this ~ ' where ' ~ xtage.in_loads(load, build.changed_loads)
    ) -%}
    {{ return(selects) }}
{%- endmacro %}

{# Makes a table of the records of the changed loads, for each staging model that the table is built from. #}
{% macro read_changed_loads(build) -%}
    {%- set load = xtage.load_column(model) -%}
    {%- for name in build.meta.get('records', []) -%}
        {%- do xtage.execute_all([
            xtage.nested_loops_sql(false),
            'create temporary table ' ~ model.name ~ '__' ~ name ~ ' as select * from ' ~ build.parents[name].relation_name
            ~ ' where ' ~ xtage.in_loads(load, build.changed_loads),
            xtage.nested_loops_sql(true),
        ]) -%}
    {%- endfor -%}
{%- endmacro %}

{# Replaces the rows of the changed keys, and says which rows go and which come. #}
{% macro replace_rows(build) -%}
    {%- set keys, rows = model.name ~ '__keys', model.name ~ '__rows' -%}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- set publishes = build.meta.get('publishes', []) -%}
    {%- set on_key = xtage.same_columns(this.identifier, xtage.key_columns(), keys, xtage.key_columns()) -%}
    {%- set keyless = xtage.keyless_records(build) -%}
    {%- do xtage.execute_all(['create temporary table ' ~ rows ~ ' as ' ~ xtage.narrowed_sql(build)]) -%}
    {%- if publishes -%}
        {%- set gone = 'select ' ~ xtage.qualified(this.identifier, publishes) ~ ' from ' ~ this -%}
        {%- do xtage.execute_all([
            xtage.publish_sql(build, gone ~ ' inner join ' ~ keys ~ ' on ' ~ on_key, -1),
            xtage.publish_sql(build, gone ~ ' where ' ~ keyless, -1) if keyless else none,
            xtage.publish_sql(build, 'select ' ~ publishes | join(', ') ~ ' from ' ~ rows, 1),
            xtage.forget_sql(build),
        ]) -%}
    {%- endif -%}
    {%- call statement('gone') -%}
        delete from {{ this }} using {{ keys }} where {{ on_key }}
    {%- endcall -%}
    {%- if keyless -%}
        {%- call statement('gone_keyless') -%}
            delete from {{ this }} where {{ keyless }}
        {%- endcall -%}
    {%- endif -%}
    {%- call statement('main') -%}
        insert into {{ this }} ({{ columns }}) select {{ columns }} from {{ rows }}
    {%- endcall -%}
    {%- do build.update({'row_count': (build.before.row_count or 0) + xtage.affected('main') - xtage.affected('gone')
        - (xtage.affected('gone_keyless') if keyless else 0)}) -%}
{%- endmacro %}

{# The query of the model over what the changed keys need of the tables it reads, which becomes tables of its own: of them
   the planner knows what they hold. #}
{% macro narrowed_sql(build) -%}
    {%- set keys, key = model.name ~ '__keys', xtage.key_columns() -%}
    {%- set narrowed = namespace(sql=build.sql) -%}
    {%- for name, theirs in build.meta.get('changed_by', {}).items() -%}
        {%- set input = model.name ~ '__' ~ name -%}
        {%- do xtage.execute_all([
            'create temporary table ' ~ input ~ ' as select input.* from ' ~ keys ~ ' inner join '
            ~ build.parents[name].relation_name ~ ' as input on '
            ~ xtage.same_columns(keys, key, 'input', xtage.as_list(theirs)),
            xtage.analyze_sql(input),
        ]) -%}
        {%- set narrowed.sql = xtage.with_input(narrowed.sql, build.parents[name], input) -%}
    {%- endfor -%}
    {{ return(xtage.with_changed_loads(build, narrowed.sql)) }}
{%- endmacro %}

{# SQL that reads only the changed loads from staging: the other records are in the table already, standardized. Of them
   those with a changed key are needed, or all where the table has no key. #}
{% macro with_changed_loads(build, sql) -%}
    {%- set keys, key, load = model.name ~ '__keys', xtage.key_columns(), xtage.load_column(model) -%}
    {%- set narrowed = namespace(sql=sql) -%}
    {%- for name in build.meta.get('records', []) -%}
        {%- set input, columns = model.name ~ '__' ~ name, build.parents[name].columns.keys() | list -%}
        {%- if load not in key -%}
            {%- set others -%}
                insert into {{ input }} ({{ columns | join(', ') }})
                select {{ xtage.qualified('built', columns) }}
                from {{ this }} as built
                {%- if key %}
                inner join {{ keys }} on {{ xtage.same_columns(keys, key, 'built', key) }}
                {%- endif %}
                where not {{ xtage.in_loads('built.' ~ load, build.changed_loads) }}
            {%- endset -%}
        {%- endif -%}
        {%- do xtage.execute_all([others, xtage.analyze_sql(input)]) -%}
        {%- set narrowed.sql = xtage.with_input(narrowed.sql, build.parents[name], input) -%}
    {%- endfor -%}
    {{ return(narrowed.sql) }}
{%- endmacro %}

{# The query of sums: of what the table has, and of what came and went in the tables it sums up. #}
{% macro summed_sql(build) -%}
    {%- set key = xtage.key_columns() -%}
    {%- set sums = model.columns.keys() | reject('in', key) | list -%}
    {%- set sides = {} -%}
    {%- for side in ('>', '<') -%}
        {%- set summed = namespace(sql=build.sql) -%}
        {%- for name in build.meta.sums_of -%}
            {%- set summed.sql = xtage.with_input(
                summed.sql, build.parents[name],
                '(select * from ' ~ xtage.changes_since(build, name) ~ ' and _weight ' ~ side ~ ' 0) as ' ~ name
            ) -%}
        {%- endfor -%}
        {%- do sides.update({side: summed.sql}) -%}
    {%- endfor %}
    select
        {{ key | join(', ') }},
        {%- for name in sums %}
        cast(sum({{ name }}) as {{ model.columns[name].data_type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select {{ key | join(', ') }}, {{ sums | join(', ') }} from {{ this }}
        union all
        select {{ key | join(', ') }}, {{ sums | join(', ') }} from ({{ sides['>'] }}) as came
        union all
        select {{ key | join(', ') }}, -{{ sums | join(', -') }} from ({{ sides['<'] }}) as went
    ) as parts
    group by {{ key | join(', ') }}
    having sum({{ sums[0] }}) <> 0
{%- endmacro %}

{# SQL that reads something else in place of one of the model's inputs: a table, or a query in brackets with a name. #}
{% macro with_input(sql, parent, input) -%}
    {%- if parent.relation_name not in sql -%}
        {{ exceptions.raise_compiler_error(model.name ~ ' does not read ' ~ parent.relation_name) }}
    {%- endif -%}
    {{ return(sql | replace(parent.relation_name, input)) }}
{%- endmacro %}

{# The condition of the table's rows that have no key and come from the changed loads; none where every row has one. #}
{% macro keyless_records(build) -%}
    {%- set key, load = xtage.key_columns(), xtage.load_column(model) -%}
    {%- if build.changed_loads and load and load not in key -%}
        {{ return(xtage.in_loads(load, build.changed_loads) ~ ' and (' ~ key | join(' is null or ') ~ ' is null)') }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro key_columns() -%}
    {{ return(xtage.as_list(config.get('unique_key'))) }}
{%- endmacro %}

{% macro as_list(value) -%}
    {{ return([value] if value is string else value or []) }}
{%- endmacro %}

{% macro load_column(node) -%}
    {{ return('_load_id' if '_load_id' in node.columns else 'load_id' if 'load_id' in node.columns else none) }}
{%- endmacro %}

{# Ids written out: a join would not reach the raw tables through the views of staging, a condition does. One id stands
   there twice: an equality would hold for stg_loads too, and leave nothing to join it on but a nested loop. #}
{% macro in_loads(column, load_ids) -%}
    {{ return(column ~ ' in (' ~ (load_ids + load_ids[:1]) | join(', ') ~ ')' if load_ids else 'false') }}
{%- endmacro %}

{% macro same_columns(left, left_columns, right, right_columns) -%}
    {%- set pairs = [] -%}
    {%- for column in left_columns -%}
        {%- do pairs.append(left ~ '.' ~ column ~ ' = ' ~ right ~ '.' ~ right_columns[loop.index0]) -%}
    {%- endfor -%}
    {{ return(pairs | join(' and ')) }}
{%- endmacro %}

{% macro qualified(table, columns) -%}
    {{ return(table ~ '.' ~ columns | join(', ' ~ table ~ '.')) }}
{%- endmacro %}

{% macro renamed(columns, names) -%}
    {%- set words = [] -%}
    {%- for column in xtage.as_list(columns) -%}
        {%- do words.append(column ~ ' as ' ~ names[loop.index0]) -%}
    {%- endfor -%}
    {{ return(words | join(', ')) }}
{%- endmacro %}

{% macro affected(name) -%}
    {{ return(load_result(name)['response'].rows_affected | int) }}
{%- endmacro %}
