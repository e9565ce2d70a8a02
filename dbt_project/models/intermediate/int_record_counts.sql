{{ config(
    materialized='incremental',
    unique_key='load_id',
    meta={'feeds': contracts() | list, 'records': ['stg_record_counts']}
) }}

with

final as (
    select
        load_id,
        records_found
    from {{ ref('stg_record_counts') }}
)

select * from final
