"""The options of `steersman apiserver` that only larger set-ups need. Their names are upstream's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from steersman.runtime.durations import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")
_FILE = click.Path(exists=True, dir_okay=False)

OPTIONS = (
    click.option(
        "--etcd-servers", default="", help="Members of the etcd cluster (scheme://host:port), by commas."
    ),
    click.option("--etcd-cafile", type=_FILE, default=None, help="CA of etcd's serving certificates."),
    click.option("--etcd-certfile", type=_FILE, default=None, help="Client certificate towards etcd."),
    click.option("--etcd-keyfile", type=_FILE, default=None, help="Key of that certificate."),
    click.option(
        "--encryption-provider-config",
        type=_FILE,
        default=None,
        help="What is encrypted in the store, and how.",
    ),
    click.option(
        "--enable-priority-and-fairness/--no-priority-and-fairness",
        "priority_and_fairness",
        default=True,
        help="Queue and refuse requests beyond the server's capacity.",
    ),
    click.option("--max-requests-inflight", type=int, default=None, help="That capacity for reads  [400]"),
    click.option(
        "--max-mutating-requests-inflight", type=int, default=None, help="... and for writes.  [200]"
    ),
    click.option(
        "--enable-admission-plugins", default="", help="Plug-ins to run beside the default ones, by commas."
    ),
    click.option("--disable-admission-plugins", default="", help="Default plug-ins not to run, by commas."),
    click.option(
        "--admission-control-config-file",
        type=_FILE,
        default=None,
        help="AdmissionConfiguration: settings of plug-ins.",
    ),
    click.option(
        "--service-cluster-ip-range",
        "service_cidr",
        default="",
        help="Network of ClusterIPs; a second one of the other family after a comma.  [10.96.0.0/12]",
    ),
    click.option(
        "--service-node-port-range", "node_ports", default="", help="First-last node port.  [30000-32767]"
    ),
    click.option("--event-ttl", default="", help="How long Events are kept, like 30m.  [1h]"),
    click.option(
        "--runtime-config",
        default="",
        help="Betas and alphas to serve, by commas: api/beta=true, resource.k8s.io/v1beta1=true.",
    ),
    click.option("--audit-policy-file", type=_FILE, default=None, help="Which requests are audited."),
    click.option("--audit-log-path", default="", help='File for audit events, "-" for the standard output.'),
    click.option(
        "--audit-log-maxsize", type=int, default=None, help="MiB at which that file is set aside.  [100]"
    ),
    click.option("--audit-log-maxbackup", type=int, default=None, help="Files set aside to keep.  [10]"),
    click.option(
        "--audit-webhook-config-file", type=_FILE, default=None, help="kubeconfig of a server for them."
    ),
    click.option(
        "--authorization-mode",
        "authorization",
        default="",
        help="Who is asked, by commas: Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny.  [Node,RBAC]",
    ),
    click.option(
        "--authorization-webhook-config-file", type=_FILE, default=None, help="kubeconfig of that Webhook."
    ),
    click.option(
        "--authorization-config", type=_FILE, default=None, help="AuthorizationConfiguration, instead."
    ),
    click.option(
        "--authentication-config", type=_FILE, default=None, help="AuthenticationConfiguration: OIDC issuers."
    ),
    click.option(
        "--authentication-token-webhook-config-file",
        type=_FILE,
        default=None,
        help="kubeconfig of a server that knows further bearer tokens.",
    ),
    click.option(
        "--anonymous-auth/--no-anonymous-auth",
        "anonymous",
        default=True,
        help="Whether requests without credentials are system:anonymous.",
    ),
    click.option("--oidc-issuer-url", default="", help="One issuer of ID tokens; https."),
    click.option("--oidc-client-id", default="", help="The audience of its tokens."),
    click.option("--oidc-ca-file", type=_FILE, default=None, help="CA of its server."),
    click.option("--oidc-username-claim", default="", help="Claim that names the user.  [sub]"),
    click.option("--oidc-username-prefix", default="", help='What comes before the name; "-" for nothing.'),
    click.option("--oidc-groups-claim", default="", help="Claim that names the groups."),
    click.option("--oidc-groups-prefix", default="", help="What comes before each group."),
    click.option(
        "--oidc-required-claim", "oidc_required_claims", multiple=True, help="name=value (may be repeated)."
    ),
    click.option(
        "--oidc-signing-algs", default="", help="Accepted algorithms, separated by commas.  [RS256]"
    ),
)
"""In the order in which `--help` shows them."""


def port_range(text: str) -> tuple[int, int]:
    """`30000-32767` as two numbers. Raises: ValueError."""
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal()):
        raise ValueError(f"{text!r} is no range of ports: write it like 30000-32767")
    return int(first), int(last)


def larger_setups(command: F) -> F:
    """Add the options; the command gets their values as keyword arguments."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the API server's configuration that the options set."""
    fields: dict[str, Any] = {name: value for name, value in given.items() if value not in (None, "")}
    for name in ("etcd_servers", "runtime_config", "enable_admission_plugins", "disable_admission_plugins"):
        fields[name] = tuple(one.strip() for one in fields.pop(name, "").split(",") if one.strip())
    for name, read in (("node_ports", port_range), ("event_ttl", seconds_of)):
        if name in fields:
            try:
                fields[name] = read(fields[name])
            except ValueError as error:
                raise click.BadParameter(str(error)) from None
    return fields
