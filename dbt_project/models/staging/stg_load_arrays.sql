with

arrays as (
    select * from {{ source('ops', 'load_arrays') }}
),

final as (
    select
        load_id,
        table_name,
        elements,
        rows_loaded
    from arrays
)

select * from final
