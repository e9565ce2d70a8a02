{{ record_issues('customers', ref('base_customers')) }}
