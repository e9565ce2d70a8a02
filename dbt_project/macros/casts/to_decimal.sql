{# A decimal number as numeric(precision, scale), rounded half away from zero, or null; never an error, never a guess.
   In: clean text (no blanks around it).
   Taken: ASCII digits with an optional sign, a point, and an exponent of one or two digits (`6.4e-05` is how programs
   write small rates). Not taken: `12,5`, `1,000.00`, `NaN`, `$5`, `1e400`, more than 40 digits on a side of the point, or
   what does not fit the precision after rounding. #}
{% macro to_decimal(text, precision=18, scale=4) -%}
    {{ return(adapter.dispatch('to_decimal', 'xtage')(text, precision, scale)) }}
{%- endmacro %}

{% macro decimal_shape() -%}
    ^[+-]?([0-9]{1,40}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})?$
{%- endmacro %}

{# An unconstrained numeric holds whatever the pattern lets through. #}
{% macro postgres__to_decimal(text, precision, scale) -%}
    {%- set value = "round(cast(" ~ text ~ " as numeric), " ~ scale ~ ")" -%}
    case
        when {{ text }} ~ '{{ decimal_shape() }}'
            then case when abs({{ value }}) < 1e{{ precision - scale }} then cast({{ value }} as numeric({{ precision }}, {{ scale }})) end
    end
{%- endmacro %}

{# A numeric holds at most 38 digits and its cast knows no exponent: the point is moved in the text, zeros in front and
   digits behind the twentieth place are left out (they cannot change a rounding half away from zero), and the length is
   checked before the cast. #}
{% macro redshift__to_decimal(text, precision, scale) -%}
    {%- set mantissa = "split_part(lower(ltrim(" ~ text ~ ", '+-')), 'e', 1)" -%}
    {%- set exponent = "cast('0' || nullif(ltrim(split_part(lower(" ~ text ~ "), 'e', 2), '+-'), '') as integer)" -%}
    {%- set shift -%}
        case when {{ text }} ~ '[eE]-' then -1 else 1 end * coalesce({{ exponent }}, 0)
    {%- endset -%}
    {%- set digits = "replace(" ~ mantissa ~ ", '.', '')" -%}
    {%- set point = "(length(split_part(" ~ mantissa ~ ", '.', 1)) + " ~ shift ~ ")" -%}
    {%- set padded = "(repeat('0', 100) || " ~ digits ~ " || repeat('0', 120))" -%}
    {%- set whole = "ltrim(substring(" ~ padded ~ ", 1, 100 + " ~ point ~ "), '0')" -%}
    {%- set fraction = "substring(" ~ padded ~ ", 101 + " ~ point ~ ", 20)" -%}
    {%- set value -%}
        round(cast(case when {{ text }} like '-%' then '-' else '' end || '0' || {{ whole }} || '.' || {{ fraction }} as numeric(38, 20)), {{ scale }})
    {%- endset -%}
    case
        when {{ text }} ~ '{{ decimal_shape() }}'
            then case
                when length({{ whole }}) <= {{ precision - scale }}
                    then case when abs({{ value }}) < 1e{{ precision - scale }} then cast({{ value }} as numeric({{ precision }}, {{ scale }})) end
            end
    end
{%- endmacro %}
