{# Has the build of a table wait for one that is under way, until which it cannot know what there is to do. A person's run
   and the pipeline's may meet. On Redshift the pipeline alone builds. #}
{% macro one_build_at_a_time_sql() -%}
    {{ return(adapter.dispatch('one_build_at_a_time_sql', 'xtage')()) }}
{%- endmacro %}

{% macro postgres__one_build_at_a_time_sql() -%}
    {{ return("select pg_advisory_xact_lock(hashtext('xtage build'), hashtext('" ~ this.schema ~ "." ~ this.identifier ~ "'))") }}
{%- endmacro %}

{% macro redshift__one_build_at_a_time_sql() -%}
    {{ return(none) }}
{%- endmacro %}
