{# The live records of a feed by its contract: for each contract column `<column>` (standardized, null when the value does
   not parse or breaks a rule), `<column>_raw` (the text of the file) and `<column>_issue` (the rule it broke, or null);
   then `first_delivered_at`, `_load_id` and `_row_number`, and for the elements of an array their positions.
   feed: its name in the contracts, or that of an array's table. records: its raw table. loads: stg_loads. #}
{% macro standardized_records(feed, records, loads) %}
{%- set columns = xtage.contract_of(feed).columns -%}
{%- set positions = xtage.contract_of(feed).positions | default([]) -%}
{%- set lineage = (['first_delivered_at', '_load_id', '_row_number'] + positions) | join(', ') -%}

with

live_records as (
    select
        records.*,
        loads.first_delivered_at
    from {{ records }} as records
    inner join {{ loads }} as loads on records._load_id = loads.load_id
    where loads.is_live
),

cleaned as (
    select
        {%- for name, column in columns.items() %}
        {{ name }} as {{ name }}_raw,
        {{ xtage.clean_text(name, column.empty_words, column.get('letter_case')) }} as {{ name }}_text,
        {%- endfor %}
        {{ lineage }}
    from live_records
    {{ xtage.computed_once(columns, ['text', 'text'], positions) | indent }}
),

parsed as (
    select
        {%- for name, column in columns.items() %}
        {{ name }}_raw,
        {{ name }}_text,
        {{ xtage.parsed_value(name ~ '_text', column) }} as {{ name }}_value,
        {%- endfor %}
        {{ lineage }}
    from cleaned
    {{ xtage.computed_once(columns, ['text', 'text', 'value'], positions) | indent }}
),

judged as (
    select
        {%- for name, column in columns.items() %}
        {{ name }}_raw,
        {{ name }}_value,
        {{ xtage.broken_rule(name, column) }} as {{ name }}_issue,
        {%- endfor %}
        {{ lineage }}
    from parsed
    {{ xtage.computed_once(columns, ['text', 'value', 'text'], positions) | indent }}
),

final as (
    select
        {%- for name, column in columns.items() %}
        {{ xtage.value_within_rules(name, column) }} as {{ name }},
        {{ name }}_raw,
        {{ name }}_issue,
        {%- endfor %}
        {{ lineage }}
    from judged
)

select * from final
{%- endmacro %}

{# Clean text as the type of its column. #}
{% macro parsed_value(text, column) -%}
    {%- if column.type == 'integer' -%}
        {{ xtage.to_integer(text, column.data_type) }}
    {%- elif column.type == 'number' -%}
        {%- set precision, scale = column.data_type[8:-1].split(',') -%}
        {{ xtage.to_decimal(text, precision | int, scale | int) }}
    {%- elif column.type == 'date' -%}
        {{ xtage.to_date_from_formats(text, column.date_formats) }}
    {%- elif column.type == 'timestamp' -%}
        {{ xtage.to_timestamp_from_iso(text) }}
    {%- else -%}
        {{ text }}
    {%- endif -%}
{%- endmacro %}

{# The name of the first rule a value breaks, or null. Errors come before warnings. #}
{% macro broken_rule(name, column) -%}
    {%- set unparsed = {
        'integer': 'not_an_integer', 'number': 'not_a_decimal', 'date': 'not_a_date', 'timestamp': 'not_a_timestamp'
    } -%}
    case
        when {{ name }}_text is null then {{ "'missing'" if column.required else 'null' }}
        {%- if column.type in unparsed %}
        when {{ name }}_value is null then '{{ unparsed[column.type] }}'
        {%- endif %}
        {%- for severity in ('error', 'warning') %}
            {%- for rule in column.rules if rule.severity == severity %}
        when not ({{ xtage.kept_rule(name, column, rule) }}) then '{{ rule.name }}'
            {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}

{# The condition under which a parsed value keeps a rule. A decimal keeps its limits before and after rounding; only
   where it was rounded to the limit itself is the text looked at once more. #}
{% macro kept_rule(name, column, rule) -%}
    {%- set value = name ~ '_value' -%}
    {%- set comparisons = {'minimum': '>=', 'exclusive_minimum': '>', 'maximum': '<=', 'exclusive_maximum': '<'} -%}
    {%- if rule.check in comparisons -%}
        {{ value }} {{ comparisons[rule.check] }} {{ rule.value }}
        {%- if column.type == 'number' and rule.check in ('minimum', 'maximum') %}
        and ({{ value }} <> {{ rule.value }} or {{ xtage.exact_decimal(name ~ '_text') }} {{ comparisons[rule.check] }} {{ rule.value }})
        {%- endif -%}
    {%- elif rule.check == 'accepted_values' -%}
        lower({{ value }}) in ({{ xtage.quoted_list(rule.value | map('lower')) }})
    {%- elif rule.check == 'not_after_delivery' -%}
        {{ value }} <= cast(first_delivered_at as {{ column.type }})
    {%- else -%}
        {{ exceptions.raise_compiler_error("the rule `" ~ rule.name ~ "` of column " ~ name ~ " has the unknown check `" ~ rule.check ~ "`") }}
    {%- endif -%}
{%- endmacro %}

{# The parsed value, or null when it breaks a rule of severity error. A number gets its type once more: a case without an
   else loses precision and scale, and a numeric without them holds whole numbers in Redshift. #}
{% macro value_within_rules(name, column) -%}
    {{ 'cast(' if column.type == 'number' }}
    {{- xtage.value_or_null(name, column) }}
    {{- ' as ' ~ column.data_type ~ ')' if column.type == 'number' }}
{%- endmacro %}

{% macro value_or_null(name, column) -%}
    {%- set errors = column.rules | selectattr('severity', 'equalto', 'error') | map(attribute='name') | list -%}
    {%- if errors -%}
        case when coalesce({{ name }}_issue, '') not in ({{ xtage.quoted_list(errors) }}) then {{ name }}_value end
    {%- else -%}
        {{ name }}_value
    {%- endif -%}
{%- endmacro %}

{# Has the database compute the columns of a select once. Left alone it copies each expression into every place of the
   outer query that names its column: a price would be trimmed and matched thirty times. A union is not folded into the
   query around it, and a branch with a filter not into the union; the second branch has no rows. Filters on lineage
   still reach the raw table, which a limit or a materialized CTE would prevent.
   kinds: for each contract column, the columns it has by now: `text`, or `value` (the contract's type).
   positions: the columns that place an element of an array. #}
{% macro computed_once(columns, kinds, positions=[]) -%}
    where _load_id is not null
    union all
    select
        {%- for column in columns.values() %}
            {%- for kind in kinds %}
        cast(null as {{ column.data_type if kind == 'value' else 'text' }}),
            {%- endfor %}
        {%- endfor %}
        cast(null as timestamp),
        cast(null as bigint),
        cast(null as bigint)
        {%- for position in positions %},
        cast(null as bigint)
        {%- endfor %}
    where false
{%- endmacro %}
