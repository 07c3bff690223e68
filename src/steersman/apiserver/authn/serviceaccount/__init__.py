"""Service-account tokens: issued by TokenRequest, checked against the live objects they are bound to."""
