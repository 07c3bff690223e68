"""The registry that all kinds share: create, read, update, patch and delete, the same for every row of the
table."""
