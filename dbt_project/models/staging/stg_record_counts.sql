with

final as (
    {{ raw_record_counts() }}
)

select * from final
