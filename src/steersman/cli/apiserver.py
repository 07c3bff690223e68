"""`steersman apiserver`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from steersman.bootstrap import kubeconfigs, pki
from steersman.bootstrap.local import cluster
from steersman.cli.apiserver_options import larger_setups, settings
from steersman.cli.options import DIRECTORY, log_options
from steersman.runtime import log, program

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
ANY = "0.0.0.0"


@click.command()
@click.option("--data-dir", type=DIRECTORY, required=True, help="Where keys and objects are kept.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=6443, show_default=True, help="Port to listen on."
)
@click.option(
    "--bind-address", default=LOOPBACK, show_default=True, help="Addresses to listen on, separated by commas."
)
@click.option(
    "--advertise-address", default="", help="Where pods find it.  [default: the first bind address]"
)
@click.option("--san", multiple=True, help="A further name or address for its certificate (may be repeated).")
@click.option("--store", type=click.Choice(["sqlite", "etcd", "memory"]), default="sqlite", show_default=True)
@larger_setups
@log_options
def apiserver(
    data_dir: Path,
    port: int,
    bind_address: str,
    advertise_address: str,
    san: tuple[str, ...],
    store: str,
    log_level: str,
    log_format: str,
    **more: Any,
) -> None:
    """Run the API server alone. Needs neither root nor a network.

    Keys and certificates are made on first use. The admin's kubeconfig is DATA_DIR/admin.kubeconfig, the
    admin's bearer token DATA_DIR/admin.token.

    \b
    Example:
      steersman apiserver --data-dir /tmp/api --port 6443
      kubectl --kubeconfig /tmp/api/admin.kubeconfig api-resources

    With --store etcd any number of servers may share one cluster's objects; they also share the directory
    `pki` of their data directories, or a copy of it.
    """
    if (store == "etcd") != bool(more["etcd_servers"]):
        raise click.UsageError("--store etcd and --etcd-servers belong together")
    log.configure("apiserver", log_level.upper(), "json" if log_format == "json" else "text")
    data_dir = data_dir.absolute()
    binds = tuple(address.strip() for address in bind_address.split(",") if address.strip())
    names = tuple(name for name in (*binds, advertise_address, *san) if name and name != ANY)
    local = cluster.load(data_dir)
    keys = pki.ensure_pki(data_dir, names)
    context = local.context if local else "steersman"
    kubeconfigs.ensure_control_plane(data_dir, keys, f"https://{LOOPBACK}:{port}", context)

    from steersman.apiserver.config import APIServerConfig
    from steersman.apiserver.server import check_settings, run

    directory = data_dir / "pki"
    config = APIServerConfig(
        bind=binds[0] if binds else LOOPBACK,
        extra_binds=binds[1:],
        port=port,
        advertise_address=advertise_address,
        store=store,
        database=str(data_dir / "state.db"),
        **settings(more),
        tls_cert=str(directory / "apiserver.crt"),
        tls_key=str(directory / "apiserver.key"),
        client_ca=str(directory / "ca.crt"),
        token_file=str(data_dir / "tokens.csv"),
        service_account_key=str(directory / "sa.key"),
        service_account_public_key=str(directory / "sa.pub"),
        requestheader_ca=str(directory / "front-proxy-ca.crt"),
        front_proxy_cert=str(directory / "front-proxy-client.crt"),
        front_proxy_key=str(directory / "front-proxy-client.key"),
        kubelet_cert=str(directory / "apiserver-kubelet-client.crt"),
        kubelet_key=str(directory / "apiserver-kubelet-client.key"),
        kubelet_ca=str(directory / "ca.crt"),
    )
    try:
        check_settings(config)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(program.run(lambda: run(config), "steersman-apiserver"))
