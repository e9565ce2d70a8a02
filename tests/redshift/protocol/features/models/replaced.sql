{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['id']) }}
select id, name, round_number from {{ ref('between') }} where id <= {{ env_var('FEATURES_ROUND') }} + 1
