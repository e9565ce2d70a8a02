with

deliveries as (
    select * from {{ source('ops', 'deliveries') }}
),

landed as (
    select
        delivery_id,
        load_id,
        feed,
        bucket,
        object_key,
        version_id,
        version_order,
        delivered_at,
        {{ contract_property('feed', 'on_rewrite') }} as on_rewrite
    from deliveries
    where
        status in ('loaded', 'duplicate')
        and feed in ({{ quoted_list(contracts()) }})
),

versioned as (
    select
        *,
        -- Which version is the rewritten one is what the bucket says, whatever time a backfill gives for it.
        row_number() over (
            partition by feed, bucket, object_key
            order by version_order desc, delivery_id desc
        ) = 1 as is_newest_version
    from landed
),

judged as (
    select
        *,
        on_rewrite = 'add' or is_newest_version as is_live
    from versioned
),

numbered as (
    select
        *,
        case
            when is_live then row_number() over (
                partition by feed, is_live
                order by delivered_at, {{ in_byte_order('object_key') }}, version_order, delivery_id
            )
        end as delivery_number,
        case
            when is_live then count(*) over (partition by feed, is_live)
        end as live_deliveries
    from judged
),

final as (
    select
        delivery_id,
        load_id,
        feed,
        bucket,
        object_key,
        version_id,
        delivery_number,
        is_live,
        coalesce(delivery_number = live_deliveries, false) as is_newest,
        delivered_at
    from numbered
)

select * from final
