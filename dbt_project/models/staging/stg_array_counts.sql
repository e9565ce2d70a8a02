with

final as (
    {{ raw_array_counts() }}
)

select * from final
