{{ config(materialized='table', dist='id', sort=['name', 'id'], sort_type='compound', backup=false) }}
select id, name, round_number from {{ ref('between') }}
