{{ config(materialized='table', contract={'enforced': true}, grants={'select': [env_var('REDSHIFT_USER')]}) }}
select id::bigint as id, name::varchar(20) as name from {{ ref('colors') }}
