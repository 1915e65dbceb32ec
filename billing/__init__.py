"""The billing rules: workspaces, plans, the ledger, usage; reads and writes."""
