{{ config(materialized='incremental', incremental_strategy='append', sort='id') }}
select id, round_number from {{ ref('between') }}
