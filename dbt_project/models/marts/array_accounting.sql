with

arrays as (
    select * from {{ ref('stg_load_arrays') }}
),

found as (
    select * from {{ ref('stg_array_counts') }}
),

loads as (
    select * from {{ ref('row_accounting') }}
),

final as (
    select
        arrays.load_id,
        arrays.table_name,
        loads.feed,
        loads.object_key,
        arrays.elements,
        arrays.rows_loaded as loaded,
        arrays.elements - coalesce(found.rows_found, 0) as unaccounted
    from arrays
    inner join loads on arrays.load_id = loads.load_id
    left join found
        on
            arrays.load_id = found.load_id
            and arrays.table_name = found.table_name
)

select * from final
