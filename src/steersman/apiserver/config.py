"""The settings of an API server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class APIServerConfig:
    """File paths are read at start; "" means: without."""

    bind: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 6443
    """Port to listen on; 0 picks a free one."""
    extra_binds: tuple[str, ...] = ()
    """Further addresses, same port (the bridge that nodes come over)."""
    advertise_address: str = ""
    """Address the `kubernetes` Service points to; "" means `bind`, where that is a real address."""
    store: str = "sqlite"
    """sqlite, etcd or memory."""
    database: str = ""
    """SQLite file."""
    etcd_servers: tuple[str, ...] = ()
    """Members of the etcd cluster, http(s)://host:port."""
    etcd_cafile: str = ""
    etcd_certfile: str = ""
    etcd_keyfile: str = ""
    """CA of etcd's serving certificates, client certificate and key towards it, PEM."""
    tls_cert: str = ""
    tls_key: str = ""
    """Serving certificate and key, PEM; both "" serve plain HTTP (tests)."""
    client_ca: str = ""
    """CA of client certificates, PEM."""
    token_file: str = ""
    """Static tokens: token,user,uid,"group,group" a line."""
    service_account_key: str = ""
    """Private key that signs service-account tokens, PEM."""
    service_account_public_key: str = ""
    """Public key that verifies them, PEM."""
    service_account_issuer: str = "https://kubernetes.default.svc.cluster.local"
    """Their `iss` claim; also the default audience."""
    requestheader_ca: str = ""
    """CA of front proxies that may name users in headers, PEM."""
    kubelet_cert: str = ""
    kubelet_key: str = ""
    """Client certificate towards kubelets, PEM."""
    kubelet_ca: str = ""
    """CA of the kubelets' serving certificates, PEM."""
    front_proxy_cert: str = ""
    front_proxy_key: str = ""
    """Client certificate towards aggregated API servers, PEM."""
    service_cidr: str = "10.96.0.0/12"
    """ClusterIPs come from here; the first address is the API server's. A second network, of the other
    family and after a comma, makes Services dual stack."""
    node_ports: tuple[int, int] = (30000, 32767)
    """First and last node port."""
    cluster_domain: str = "cluster.local"
    encryption_provider_config: str = ""
    """EncryptionConfiguration: what is encrypted in the store, and how."""
    audit_policy_file: str = ""
    """audit.k8s.io/v1 Policy; without it nothing is audited."""
    audit_log_path: str = ""
    """File that audit events go to, "-" for the standard output."""
    audit_log_maxsize: int = 100
    """MiB at which that file is set aside; 0 never."""
    audit_log_maxbackup: int = 10
    """Files set aside that are kept; 0 keeps all."""
    audit_webhook_config_file: str = ""
    """kubeconfig of a server that audit events go to."""
    priority_and_fairness: bool = True
    """Whether requests beyond the server's capacity wait and are refused by FlowSchemas."""
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    """Their sum is that capacity, in seats."""
    authorization: str = "Node,RBAC"
    """Who is asked, in this order: Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny."""
    authorization_webhook_config_file: str = ""
    """kubeconfig of the server that Webhook asks."""
    authorization_config: str = ""
    """apiserver.config.k8s.io AuthorizationConfiguration, in place of the two above."""
    authentication_config: str = ""
    """apiserver.config.k8s.io AuthenticationConfiguration: OIDC issuers, and where anonymous requests may
    go."""
    authentication_token_webhook_config_file: str = ""
    """kubeconfig of a server that is asked about bearer tokens by TokenReview."""
    authentication_token_webhook_cache_ttl: float = 120.0
    """Seconds its answers are remembered."""
    bootstrap_tokens: bool = True
    """Whether Secrets of the type bootstrap.kubernetes.io/token authenticate."""
    oidc_issuer_url: str = ""
    oidc_client_id: str = ""
    oidc_ca_file: str = ""
    oidc_username_claim: str = "sub"
    oidc_username_prefix: str = ""
    """"" puts the issuer's URL and # before names that are not of the claim email, "-" nothing."""
    oidc_groups_claim: str = ""
    oidc_groups_prefix: str = ""
    oidc_required_claims: tuple[str, ...] = ()
    """name=value."""
    oidc_signing_algs: tuple[str, ...] = ("RS256",)
    """One issuer of OpenID Connect ID tokens, for those who need no configuration file."""
    extend_token_expiration: bool = True
    """Whether pods' tokens of an hour live a year, for clients that never read them again; who uses one past
    its hour is warned of."""
    anonymous_paths: tuple[str, ...] = ()
    """Where requests without credentials may go; none named: anywhere."""
    runtime_config: tuple[str, ...] = ()
    """Betas and alphas to serve: `api/beta=true`, `resource.k8s.io/v1beta1=true`; see `runtime_config`."""
    enable_admission_plugins: tuple[str, ...] = ()
    """Names of plug-ins to run beside those that run by default."""
    disable_admission_plugins: tuple[str, ...] = ()
    """Names of plug-ins not to run."""
    admission_control_config_file: str = ""
    """apiserver.config.k8s.io AdmissionConfiguration: settings of plug-ins."""
    anonymous: bool = True
    """Requests without credentials are system:anonymous; otherwise 401."""
    event_ttl: float = 3600.0
    """Seconds Events are kept."""
    compaction_interval: float = 300.0
    """Seconds between compactions; history at least this old is forgotten."""
    bookmark_interval: float = 60.0
    """Seconds between bookmarks on watches that asked for them."""
    drain_timeout: float = 5.0
    """Seconds running requests get at shutdown."""

    @property
    def service_cidrs(self) -> tuple[str, ...]:
        """The service networks, the primary one first."""
        return tuple(one.strip() for one in self.service_cidr.split(",") if one.strip())
