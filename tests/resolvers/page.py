"""The query of the whole page "Subscription and Credits"."""

PAGE = """
query Page($id: ID!, $first: Int = 20) {
  viewer { id name }
  workspace(id: $id) {
    id name viewerRole
    viewerPermissions { canManagePlan canBuyCredits canOpenPortal canSeeUsers reason }
    subscription {
      kind status billingCycle currentPeriodStart currentPeriodEnd
      plan { id name }
      pendingChange { billingCycle effectiveAt plan { id name } }
    }
    creditBalance {
      remaining overdraft recurring purchased granted refreshesAt nextRefreshAmount
      nextExpiry { amount expiresAt }
    }
    creditPack { name credits quantityMax price { amountMinor currency } }
    planOptions {
      action billingCycle reason requiresConfirmation
      plan { id name }
      price { amountMinor currency }
    }
    conversationUsage(first: $first) {
      nodes {
        id conversationId title messageCount credits billingType updatedAt user { id name }
      }
      pageInfo { hasNextPage endCursor }
      totalCount
      summary { conversationCount messageCount credits }
    }
    mcpHttpCalls(first: $first) {
      nodes { id callId credits createdAt apiKey { id name } user { id name } }
      pageInfo { hasNextPage endCursor }
      totalCount
      summary { callCount credits }
    }
    importUsage(first: $first) {
      nodes { id taskId importType importUrl credits createdAt user { id name } }
      pageInfo { hasNextPage endCursor }
      totalCount
      summary { importCount credits }
    }
    creditAdjustments(first: $first) {
      nodes { id type amount description createdAt detail { __typename } }
      pageInfo { hasNextPage endCursor }
      totalCount
      summary { adjustmentCount granted removed net }
    }
  }
}
"""
