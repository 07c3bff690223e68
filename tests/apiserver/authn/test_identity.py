"""Who is asking: certificates, front proxies, static tokens, impersonation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.x509 import load_pem_x509_certificate
from multidict import CIMultiDict

from steersman.api.errors import ApiError
from steersman.apiserver.authn import User
from steersman.apiserver.authn.headers import bearer_token
from steersman.apiserver.authn.impersonation import impersonated_user, needed_permissions, wants_impersonation
from steersman.apiserver.authn.requestheader import RequestHeaderAuthenticator
from steersman.apiserver.authn.tokenfile import parse_token_file
from steersman.apiserver.authn.x509 import CertificateAuthority, X509Authenticator
from steersman.apiserver.http.values import Peer
from steersman.bootstrap import pki

if TYPE_CHECKING:
    from steersman.apiserver.authn import Authenticator


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    pki.ensure_pki(directory)
    return Path(directory) / "pki"


def der(path: Path) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


class Asked:
    def __init__(self, certificate: bytes | None, headers: dict[str, str] | None = None) -> None:
        self.peer = Peer("", certificate)
        self.headers = CIMultiDict(headers or {})


async def identify(authenticator: Authenticator, certificate: bytes | None, **headers: str) -> User | None:
    request: Any = Asked(certificate, {name.replace("_", "-"): value for name, value in headers.items()})
    return await authenticator.authenticate(request)


async def test_a_certificate_names_user_and_groups(files: Path) -> None:
    x509 = X509Authenticator(CertificateAuthority(files / "ca.crt"))
    user = await identify(x509, der(files / "apiserver-kubelet-client.crt"))
    assert user is not None
    assert user.name == "kube-apiserver-kubelet-client"
    assert user.groups == ("system:masters", "system:authenticated")


async def test_a_certificate_of_the_front_proxy_ca_makes_no_user(files: Path) -> None:
    x509 = X509Authenticator(CertificateAuthority(files / "ca.crt"))
    assert await identify(x509, der(files / "front-proxy-client.crt")) is None
    assert await identify(x509, None) is None


async def test_the_front_proxy_speaks_for_others_and_nobody_else_does(files: Path) -> None:
    authority = CertificateAuthority(files / "front-proxy-ca.crt")
    proxy = RequestHeaderAuthenticator(authority, ["front-proxy-client"])
    user = await identify(
        proxy, der(files / "front-proxy-client.crt"), X_Remote_User="bob", X_Remote_Group="devs"
    )
    assert user is not None
    assert (user.name, user.groups) == ("bob", ("devs", "system:authenticated"))
    assert await identify(proxy, der(files / "apiserver-kubelet-client.crt"), X_Remote_User="bob") is None
    strict = RequestHeaderAuthenticator(authority, ["another"])
    assert await identify(strict, der(files / "front-proxy-client.crt"), X_Remote_User="bob") is None


def test_static_tokens() -> None:
    users = parse_token_file('# comment\nsecret,bob,1,"devs, ops"\nother,eve,2\n')
    assert users["secret"] == User("bob", "1", ("devs", "ops", "system:authenticated"))
    assert users["other"].groups == ("system:authenticated",)
    with pytest.raises(ValueError, match="line 1"):
        parse_token_file("secret,bob")


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "bearer  abc "}, "abc"),
        ({"Authorization": "Basic abc"}, ""),
        ({"Sec-WebSocket-Protocol": "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.YWJj"}, "abc"),
        ({}, ""),
    ],
)
def test_where_a_bearer_token_is(headers: dict[str, str], token: str) -> None:
    assert bearer_token(CIMultiDict(headers)) == token


def impersonating(*headers: tuple[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(headers)


def test_impersonation_asks_for_every_part() -> None:
    headers = impersonating(
        ("Impersonate-User", "bob"),
        ("Impersonate-Group", "devs"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-scopes%2fa", "view"),
    )
    assert wants_impersonation(headers)
    user = impersonated_user(headers)
    assert (user.name, user.groups) == ("bob", ("devs", "ops", "system:authenticated"))
    assert user.extra == {"scopes/a": ["view"]}
    questions = needed_permissions(User("admin"), headers)
    assert [(item.resource, item.subresource, item.name) for item in questions] == [
        ("users", "", "bob"),
        ("groups", "", "devs"),
        ("groups", "", "ops"),
        ("userextras", "scopes/a", "view"),
    ]


def test_an_impersonated_service_account_gets_its_groups() -> None:
    headers = impersonating(("Impersonate-User", "system:serviceaccount:a:sa"))
    assert impersonated_user(headers).groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:a",
        "system:authenticated",
    )
    (question,) = needed_permissions(User("admin"), headers)
    assert (question.resource, question.namespace, question.name) == ("serviceaccounts", "a", "sa")


def test_groups_without_a_user_are_an_error() -> None:
    with pytest.raises(ApiError):
        impersonated_user(impersonating(("Impersonate-Group", "devs")))
