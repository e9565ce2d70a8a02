{{ config(materialized='ephemeral') }}
select id, name, {{ env_var('FEATURES_ROUND') }} as round_number from {{ ref('colors') }}
