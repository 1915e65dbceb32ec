"""The hosted pages: Checkout, invoices and the portal, as plain HTML with plain forms."""
