{{ record_issues('sales', ref('base_sales')) }}
