"""What answers a request for a resource: one module per verb family, and the table that picks it."""
