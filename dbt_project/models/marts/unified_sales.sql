{# The first index finds one row; the others hold the pages of the API's lists in their order. #}
{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    indexes=[
        {'columns': ['transaction_id']},
        {'columns': ['transaction_date', 'transaction_id']},
        {'columns': ['category', 'transaction_date', 'transaction_id']},
        {'columns': ['customer_id', 'transaction_date', 'transaction_id']},
        {'columns': ['product_id', 'transaction_date', 'transaction_id']},
    ],
    meta={
        'changed_by': {'fct_sales': 'transaction_id', 'fct_transactions': 'transaction_id'},
        'looked_up': {'dim_products': 'product_id', 'dim_customers': 'customer_id'},
        'publishes': ['transaction_id', 'transaction_date', 'category', 'location', 'quantity', 'amount'],
    }
) }}

with

sales as (
    select * from {{ ref('fct_sales') }}
),

transactions as (
    select * from {{ ref('fct_transactions') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

joined as (
    select
        coalesce(transactions.transaction_id, sales.transaction_id) as transaction_id,
        coalesce(transactions.product_id, sales.product_id) as product_id,
        transactions.customer_id,
        sales.product_id as sale_product_id,
        transactions.product_id as transaction_product_id,
        sales.quantity as sale_quantity,
        transactions.quantity as transaction_quantity,
        sales.unit_price as sale_unit_price,
        sales.amount as sale_amount,
        transactions.total_amount as transaction_amount,
        sales.transaction_date as sale_date,
        transactions.transaction_date,
        coalesce(sales.issue_count, 0) + coalesce(transactions.issue_count, 0) as issue_count,
        sales._load_id as sale_load_id,
        sales._row_number as sale_row_number,
        transactions._load_id as transaction_load_id,
        transactions._row_number as transaction_row_number
    from sales
    full outer join transactions on sales.transaction_id = transactions.transaction_id
),

-- The transaction is what was paid; the sale fills in where it says nothing.
chosen as (
    select
        *,
        coalesce(transaction_date, sale_date) as chosen_date,
        coalesce(transaction_quantity, sale_quantity) as quantity,
        coalesce(transaction_amount, sale_amount) as amount,
        {{ source_of('transaction_date', 'sale_date') }} as date_source,
        {{ source_of('transaction_quantity', 'sale_quantity') }} as quantity_source,
        {{ source_of('transaction_amount', 'sale_amount') }} as amount_source
    from joined
),

final as (
    select
        chosen.transaction_id,
        chosen.chosen_date as transaction_date,
        chosen.quantity,
        chosen.amount,
        chosen.date_source,
        chosen.quantity_source,
        chosen.amount_source,
        chosen.product_id,
        products.product_name,
        products.category,
        products.list_price,
        chosen.sale_product_id,
        chosen.sale_quantity,
        chosen.sale_unit_price,
        chosen.sale_amount,
        chosen.sale_date,
        chosen.customer_id,
        customers.customer_name,
        customers.age,
        customers.age_band,
        customers.gender,
        customers.location,
        customers.date_joined,
        chosen.sale_load_id is not null as has_sale,
        chosen.transaction_load_id is not null as has_transaction,
        coalesce(chosen.sale_product_id <> chosen.transaction_product_id, false) as is_product_mismatch,
        coalesce(chosen.sale_quantity <> chosen.transaction_quantity, false) as is_quantity_mismatch,
        coalesce(chosen.sale_date <> chosen.transaction_date, false) as is_date_mismatch,
        chosen.product_id is not null and products.product_id is null as is_unknown_product,
        chosen.customer_id is not null and customers.customer_id is null as is_unknown_customer,
        chosen.issue_count,
        chosen.chosen_date is not null
        and chosen.quantity is not null
        and chosen.amount is not null
        and products.product_id is not null
        and customers.customer_id is not null as is_complete,
        chosen.sale_load_id,
        chosen.sale_row_number,
        chosen.transaction_load_id,
        chosen.transaction_row_number
    from chosen
    left join products on chosen.product_id = products.product_id
    left join customers on chosen.customer_id = customers.customer_id
)

select * from final
