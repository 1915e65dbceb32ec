"""A workspace's whole life: through GraphQL, webhooks and pages, against the sandbox."""
