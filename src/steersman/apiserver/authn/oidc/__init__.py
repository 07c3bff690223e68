"""ID tokens of OpenID Connect issuers: `keys.py` fetches their keys, `claims.py` makes users of claims."""
