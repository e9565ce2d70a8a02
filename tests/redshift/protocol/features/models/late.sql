{{ config(materialized='view', bind=false) }}
select id, name from {{ ref('keyed') }}
