select id, name from {{ ref('colors') }}
