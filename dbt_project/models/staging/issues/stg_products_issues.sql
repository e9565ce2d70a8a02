{{ record_issues('products', ref('base_products')) }}
