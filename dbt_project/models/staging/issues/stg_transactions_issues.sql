{{ record_issues('transactions', ref('base_transactions')) }}
