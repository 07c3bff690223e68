"""The TLS context of the listener: TLS 1.2 and up, client certificates asked for and not demanded."""

from __future__ import annotations

import ssl

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0"
"""Of TLS 1.2. The level lets clients in that name no signature algorithms, which means SHA-1 to the protocol:
the internal TLS of busybox is one, and pods talk to the API with it."""


def server_context(cert: str, key: str, *client_cas: str) -> ssl.SSLContext | None:
    """Return the context for PEM files, None without a certificate. Raises: OSError, ssl.SSLError."""
    if not cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    given = [path for path in client_cas if path]
    for path in given:
        context.load_verify_locations(path)
    if given:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def reload(context: ssl.SSLContext, cert: str, key: str, *client_cas: str) -> None:
    """Use the files as they are now for further handshakes.

    A CA that is gone from its file is still offered in handshakes; authentication asks the files. Raises:
    OSError, ssl.SSLError; nothing has changed then.
    """
    server_context(cert, key, *client_cas)  # a pair that does not fit would spoil the context
    context.load_cert_chain(cert, key)
    for path in client_cas:
        if path:
            context.load_verify_locations(path)
