"""Who a client is: TLS trust and client certificate, bearer token; files that are rotated on disk are read
anew.

`Credentials` is what `HTTPTransport` asks before each request: `refresh()` looks at the files at most every
ten seconds and
returns a number that changes when the certificate did, `headers()` gives the Authorization header,
`ssl_context()` the TLS side. Certificates given as data (kubeconfig `…-data`) never touch a disk.
"""

from __future__ import annotations

import base64
import os
import ssl
import time
from dataclasses import dataclass, field

__all__ = ["Credentials"]

_CHECK_EVERY = 10.0  # seconds between two looks at the files


@dataclass(slots=True)
class Credentials:
    """Identity towards one API server. Of each pair (`x`, `x_file`) at most one is set; files win over
    data."""

    ca_data: bytes = b""
    """PEM certificates to trust; neither this nor `ca_file`: the system's."""
    ca_file: str = ""
    cert_data: bytes = b""
    cert_file: str = ""
    key_data: bytes = b""
    key_file: str = ""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    insecure: bool = False
    """Do not verify the server (kubeconfig `insecure-skip-tls-verify`)."""
    server_name: str = ""
    """Name expected in the server's certificate when it is not the host of the URL."""
    _checked: float = field(default=-_CHECK_EVERY, repr=False)
    _stamp: tuple[float, ...] = field(default=(), repr=False)
    _generation: int = field(default=0, repr=False)
    _token_stamp: float = field(default=-1.0, repr=False)

    def refresh(self) -> int:
        """Look at the files now and then; the result changes when the TLS side must be built anew.

        Raises: OSError when a token file that was never read is missing.
        """
        now = time.monotonic()
        if now - self._checked < _CHECK_EVERY:
            return self._generation
        self._checked = now
        if self.token_file:
            self._read_token()
        stamp = tuple(_mtime(path) for path in (self.ca_file, self.cert_file, self.key_file) if path)
        if stamp != self._stamp and 0.0 not in stamp:  # 0.0: being replaced; keep what works
            self._stamp = stamp
            self._generation += 1
        return self._generation

    def headers(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": "Bearer " + self.token}
        if self.username:
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}

    def ssl_context(self) -> ssl.SSLContext:
        """A fresh context from what is on disk now. Raises: OSError, ssl.SSLError for unusable files."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.ca_file:
            context.load_verify_locations(self.ca_file)
        elif self.ca_data:
            context.load_verify_locations(cadata=self.ca_data.decode())
        else:
            context.load_default_certs()
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        elif self.cert_data:
            _load_pair(context, self.cert_data, self.key_data)
        return context

    def _read_token(self) -> None:
        stamp = _mtime(self.token_file)
        if stamp == self._token_stamp or (stamp == 0.0 and self.token):
            return
        with open(self.token_file, encoding="utf-8") as file:
            self.token = file.read().strip()
        self._token_stamp = stamp


def _mtime(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _load_pair(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    """OpenSSL reads pairs only from files: hand it one that lives in memory."""
    number = os.memfd_create("client-certificate")
    try:
        with os.fdopen(os.dup(number), "wb") as file:
            file.write(cert.rstrip(b"\n") + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{number}")
    finally:
        os.close(number)
