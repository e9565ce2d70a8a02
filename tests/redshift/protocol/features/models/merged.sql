{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id', dist='even') }}
select id, name, round_number from {{ ref('between') }} where id <= {{ env_var('FEATURES_ROUND') }} + 1
