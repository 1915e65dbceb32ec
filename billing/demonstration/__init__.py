"""Demo data: a few workspaces with a past that every rule of the ledger has written."""
