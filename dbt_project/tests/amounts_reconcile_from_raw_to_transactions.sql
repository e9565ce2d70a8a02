-- To the cent: what all live records of transactions say was paid is what the records with a state say,
-- and the current ones are the fact table.
with

records as (
    select coalesce(sum(total_amount), 0) as amount from {{ ref('stg_transactions') }}
),

states as (
    select
        coalesce(sum(total_amount), 0) as amount,
        coalesce(sum(case when record_state = 'current' then total_amount end), 0) as current_amount
    from {{ ref('int_transactions') }}
),

facts as (
    select coalesce(sum(total_amount), 0) as amount from {{ ref('fct_transactions') }}
),

final as (
    select
        records.amount as record_amount,
        states.amount as state_amount,
        states.current_amount,
        facts.amount as fact_amount
    from records
    cross join states
    cross join facts
    where records.amount <> states.amount or states.current_amount <> facts.amount
)

select * from final
