"""A server behind the server: availability, passing on, discovery."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from steersman.api import kinds, meta
from steersman.api.errors import ServiceUnavailable
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.bootstrap import pki
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GROUP = "wardle.example.com"
RESOURCES = [
    {
        "name": "flunders",
        "singularName": "flunder",
        "namespaced": True,
        "kind": "Flunder",
        "verbs": ["create", "get", "list"],
    }
]
OPENAPI = {
    "paths": {
        f"/apis/{GROUP}/v1/flunders": {"get": {"schema": {"$ref": "#/definitions/Flunder"}}},
        "/apis/other/v1/x": {},
    },
    "definitions": {"Flunder": {"items": {"$ref": "#/definitions/Part"}}, "Part": {}, "Other": {}},
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Extension:
    """The aggregated server; it wants the front proxy's certificate."""

    def __init__(self, keys: pki.PKI, directory: Path) -> None:
        self.directory, self.port = directory, 0
        self.ca_bundle = base64.b64encode(keys.ca_certificate).decode()
        self.asked: list[web.Request] = []
        self.peers: list[str] = []
        pair = keys.issue(pki.Issue("ext", "ext", sans=("flunders.default.svc",)))
        (directory / "ext.crt").write_bytes(pair.certificate)
        (directory / "ext.key").write_bytes(pair.key)

    async def handle(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        certificate = request.transport.get_extra_info("peercert")
        names = dict(part[0] for part in certificate["subject"])
        self.peers.append(names["commonName"])
        self.asked.append(request)
        if request.path == f"/apis/{GROUP}/v1":
            return web.json_response({"kind": "APIResourceList", "resources": RESOURCES})
        if request.path == "/openapi/v3":
            path = f"apis/{GROUP}/v1"
            return web.json_response({"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash=1"}}})
        if request.path == "/openapi/v2":
            return web.json_response(OPENAPI)
        body = await request.text()
        return web.json_response({"path": request.path_qs, "body": body}, status=201)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.directory / "ext.crt", self.directory / "ext.key")
        context.load_verify_locations(self.directory / "pki" / "front-proxy-ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture
async def extension(tmp_path: Path) -> AsyncIterator[Extension]:
    made = Extension(pki.ensure_pki(tmp_path, ()), tmp_path)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=made.context()).start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[APIServer]:
    pki.ensure_pki(tmp_path, ())
    config = APIServerConfig(
        store="memory",
        client_ca=str(tmp_path / "pki" / "ca.crt"),
        requestheader_ca=str(tmp_path / "pki" / "front-proxy-ca.crt"),
        front_proxy_cert=str(tmp_path / "pki" / "front-proxy-client.crt"),
        front_proxy_key=str(tmp_path / "pki" / "front-proxy-client.key"),
    )
    async with APIServer(config, store=MemoryStore(), listen=False) as server:
        yield server


@pytest.fixture
async def client(server: APIServer) -> AsyncIterator[Client]:
    async with Client(server.transport()) as client:
        yield client


async def register(client: Client, extension: Extension) -> None:
    spec = {"type": "ExternalName", "externalName": "localhost"}
    await client.create(kinds.SERVICES, {"metadata": {"name": "flunders"}, "spec": spec}, "default")
    await client.create(kinds.API_SERVICES, api_service(extension.port, extension.ca_bundle))


def api_service(port: int, bundle: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
            "caBundle": bundle,
            "service": {"namespace": "default", "name": "flunders", "port": port},
        },
    }


async def condition(client: Client, status: str) -> dict[str, Any]:
    """Wait until Available is decided as given."""
    listed = await client.list(kinds.API_SERVICES)
    version = listed["metadata"]["resourceVersion"]
    name = f"v1.{GROUP}"
    for item in listed["items"]:
        found = meta.get_condition(item, "Available")
        if item["metadata"]["name"] == name and found and found["status"] == status:
            return found
    async for event in client.watch(kinds.API_SERVICES, resource_version=version):
        found = meta.get_condition(event.object, "Available")
        if event.object["metadata"].get("name") == name and found and found["status"] == status:
            return found
    raise AssertionError("the watch ended")


async def test_local_group_versions_are_available_from_the_start(client: Client) -> None:
    found = await client.get(kinds.API_SERVICES, "v1.apps")
    ready = meta.get_condition(found, "Available")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("True", "Local")


async def test_aggregated_servers_are_told_whom_to_trust(client: Client) -> None:
    found = await client.get(kinds.CONFIG_MAPS, "extension-apiserver-authentication", "kube-system")
    assert found["data"]["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert "BEGIN CERTIFICATE" in found["data"]["requestheader-client-ca-file"]
    assert "BEGIN CERTIFICATE" in found["data"]["client-ca-file"]


async def test_requests_are_passed_on_with_the_users_name(client: Client, extension: Extension) -> None:
    await register(client, extension)
    assert (await condition(client, "True"))["reason"] == "Passed"
    path = f"/apis/{GROUP}/v1/namespaces/default/flunders"
    answer = await client.request("POST", path, query={"dryRun": "All"}, body=b'{"a":1}')
    assert (answer.status, answer.json()) == (201, {"path": f"{path}?dryRun=All", "body": '{"a":1}'})
    last = extension.asked[-1]
    assert last.headers["X-Remote-User"] == "kubernetes-admin"
    assert "system:masters" in last.headers.getall("X-Remote-Group")
    assert set(extension.peers) == {"front-proxy-client"}


async def test_discovery_is_merged(client: Client, extension: Extension) -> None:
    await register(client, extension)
    await condition(client, "True")
    groups = (await client.request("GET", "/apis")).json()["groups"]
    assert groups[-1]["name"] == GROUP
    answer = await client.request("GET", "/apis", headers={"Accept": AGGREGATED})
    (version,) = answer.json()["items"][-1]["versions"]
    assert version["freshness"] == "Current"
    assert [entry["resource"] for entry in version["resources"]] == ["flunders"]
    index = (await client.request("GET", "/openapi/v3")).json()["paths"]
    assert f"apis/{GROUP}/v1" in index
    swagger = (await client.request("GET", "/openapi/v2")).json()
    assert f"/apis/{GROUP}/v1/flunders" in swagger["paths"]
    assert {"Flunder", "Part"} <= set(swagger["definitions"])
    assert not {"/apis/other/v1/x", "Other"} & {*swagger["paths"], *swagger["definitions"]}
    await client.delete(kinds.API_SERVICES, f"v1.{GROUP}")
    assert (await client.request("GET", f"/apis/{GROUP}/v1")).status == 404


async def test_a_remote_that_cannot_be_reached_is_unavailable(client: Client) -> None:
    await client.create(kinds.API_SERVICES, api_service(443, ""))
    assert (await condition(client, "False"))["reason"] == "ServiceNotFound"
    answer = await client.request("GET", f"/apis/{GROUP}/v1/flunders")
    assert answer.status == ServiceUnavailable.code


async def test_custom_groups_get_local_api_services(client: Client) -> None:
    definition = {
        "metadata": {"name": "tabs.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "tabs", "kind": "Tab"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    listed = await client.list(kinds.API_SERVICES)
    await client.create(kinds.CUSTOM_RESOURCE_DEFINITIONS, definition)
    async for event in client.watch(
        kinds.API_SERVICES, resource_version=listed["metadata"]["resourceVersion"]
    ):
        if event.type == "ADDED":
            assert event.object["metadata"]["name"] == "v1.example.com"
            await client.delete(kinds.CUSTOM_RESOURCE_DEFINITIONS, "tabs.example.com")
        elif event.type == "DELETED":
            break
