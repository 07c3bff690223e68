"""HTTP as the API server sees it: values, the chain of handlers, and the adapters that feed it."""
