"""The controls of the Pod Security Standards: what in a pod breaks them. Pure.

`violations(standard, metadata, spec)` gives `(reason, detail)` pairs in the order users know them. Each
control is a row of `CONTROLS`: its level, the edition it begins with, and the function that looks. Source:
"Pod Security Standards"; reasons and details are worded as users of upstream know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from steersman.api.types import Object
    from steersman.apiserver.admission.pod_security.standards import Standard

Found = tuple[str, str] | None
"""Reason and detail."""


class Pod(NamedTuple):
    """What controls look at, and the edition they judge by."""

    metadata: Object
    spec: Object
    edition: int

    def containers(self) -> Iterator[Object]:
        for part in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(part) or ()

    @property
    def windows(self) -> bool:
        return ((self.spec.get("os") or {}).get("name")) == "windows"

    @property
    def user_namespace(self) -> bool:
        return self.spec.get("hostUsers") is False


def _context(holder: Object) -> Object:
    return holder.get("securityContext") or {}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _plural(word: str, names: list[str]) -> str:
    return f"{word if len(names) == 1 else f'{word}s'} {_quoted(names)}"


def _names(pod: Pod, bad: Callable[[Object], bool]) -> list[str]:
    return [str(one.get("name", "")) for one in pod.containers() if bad(one)]


# --- baseline


def host_process(pod: Pod) -> Found:
    def asks(holder: Object) -> bool:
        return bool((_context(holder).get("windowsOptions") or {}).get("hostProcess"))

    parts = ["pod"] if asks(pod.spec) else []
    names = _names(pod, asks)
    if names:
        parts.append(_plural("container", names))
    if not parts:
        return None
    return (
        "hostProcess",
        f"{' and '.join(parts)} must not set securityContext.windowsOptions.hostProcess=true",
    )


def host_namespaces(pod: Pod) -> Found:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    return ("host namespaces", ", ".join(used)) if used else None


def privileged(pod: Pod) -> Found:
    names = _names(pod, lambda one: bool(_context(one).get("privileged")))
    if not names:
        return None
    return "privileged", f"{_plural('container', names)} must not set securityContext.privileged=true"


_DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)


def _added(container: Object) -> list[str]:
    return (_context(container).get("capabilities") or {}).get("add") or []


def baseline_capabilities(pod: Pod) -> Found:
    extra = {name for one in pod.containers() for name in _added(one) if name not in _DEFAULT_CAPABILITIES}
    if not extra:
        return None
    names = _names(pod, lambda one: any(name in extra for name in _added(one)))
    return (
        "non-default capabilities",
        f"{_plural('container', names)} must not include {_quoted(sorted(extra))} in "
        "securityContext.capabilities.add",
    )


def host_path(pod: Pod) -> Found:
    names = [str(one.get("name", "")) for one in pod.spec.get("volumes") or () if "hostPath" in one]
    return ("hostPath volumes", _plural("volume", names)) if names else None


def host_ports(pod: Pod) -> Found:
    ports = [
        (str(one.get("name", "")), int(port["hostPort"]))
        for one in pod.containers()
        for port in one.get("ports") or ()
        if port.get("hostPort")
    ]
    if not ports:
        return None
    names = list(dict.fromkeys(name for name, _ in ports))
    numbers = sorted({number for _, number in ports})
    word = "hostPort" if len(numbers) == 1 else "hostPorts"
    verb = "uses" if len(names) == 1 else "use"
    return "hostPort", f"{_plural('container', names)} {verb} {word} {', '.join(map(str, numbers))}"


_PROBES = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)


def host_probes(pod: Pod) -> Found:
    def asks(container: Object) -> bool:
        for path in _PROBES:
            handler: Object = container
            for name in path:
                handler = handler.get(name) or {}
            hosts = [(handler.get(kind) or {}).get("host") for kind in ("httpGet", "tcpSocket")]
            if any(host and host not in ("127.0.0.1", "::1") for host in hosts):
                return True
        return False

    names = _names(pod, asks)
    if not names:
        return None
    return "probe or lifecycle host", f"{_plural('container', names)} must not set probe or lifecycle host"


_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def apparmor(pod: Pod) -> Found:
    bad = sorted(
        f'{key}="{value}"'
        for key, value in (pod.metadata.get("annotations") or {}).items()
        if key.startswith(_APPARMOR)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    if bad:
        return "forbidden AppArmor profile" + ("s" if len(bad) > 1 else ""), ", ".join(bad)

    def unconfined(holder: Object) -> bool:
        return (_context(holder).get("appArmorProfile") or {}).get("type") == "Unconfined"

    return _profile(
        pod,
        unconfined,
        "forbidden AppArmor profile",
        'must not set AppArmor profile type to "Unconfined"',
    )


def _profile(pod: Pod, bad: Callable[[Object], bool], reason: str, text: str) -> Found:
    parts = ["pod"] if bad(pod.spec) else []
    names = _names(pod, bad)
    if names:
        parts.append(_plural("container", names))
    return (reason, f"{' and '.join(parts)} {text}") if parts else None


_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def selinux(pod: Pod) -> Found:
    def options(holder: Object) -> Object:
        return _context(holder).get("seLinuxOptions") or {}

    def bad(holder: Object) -> bool:
        found = options(holder)
        return bool(found.get("type", "") not in _SELINUX_TYPES or found.get("user") or found.get("role"))

    holders = [pod.spec, *pod.containers()]
    if not any(bad(holder) for holder in holders):
        return None
    types = sorted({str(options(one).get("type", "")) for one in holders} - set(_SELINUX_TYPES))
    problems = [f"type{'s' if len(types) > 1 else ''} {_quoted(types)}"] if types else []
    problems += [name for name in ("user", "role") if any(options(one).get(name) for one in holders)]
    found = _profile(pod, bad, "seLinuxOptions", "set forbidden securityContext.seLinuxOptions")
    assert found is not None
    return found[0], f"{found[1]}: {'; '.join(_with_may(problems))}"


def _with_may(problems: list[str]) -> list[str]:
    return [one if one.startswith("type") else f"{one} may not be set" for one in problems]


def proc_mount(pod: Pod) -> Found:
    if pod.edition >= 35 and pod.user_namespace:
        return None
    names = _names(pod, lambda one: _context(one).get("procMount") not in (None, "Default"))
    return (
        ("procMount", f"{_plural('container', names)} must not set securityContext.procMount")
        if names
        else None
    )


_SECCOMP_OLD = ("seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/")


def _seccomp_type(holder: Object) -> str:
    return str((_context(holder).get("seccompProfile") or {}).get("type") or "")


def seccomp_baseline(pod: Pod) -> Found:
    if pod.edition < 19:
        notes = pod.metadata.get("annotations") or {}
        bad = sorted(
            f'{key}="{value}"'
            for key, value in notes.items()
            if key.startswith(_SECCOMP_OLD) and value == "unconfined"
        )
        return ("seccompProfile", f"forbidden annotations {', '.join(bad)}") if bad else None
    return _profile(
        pod,
        lambda holder: _seccomp_type(holder) == "Unconfined",
        "seccompProfile",
        'must not set securityContext.seccompProfile.type to "Unconfined"',
    )


_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
    }
)
_SYSCTLS_SINCE = {
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}


def sysctls(pod: Pod) -> Found:
    names = [str(one.get("name", "")) for one in _context(pod.spec).get("sysctls") or ()]
    bad = [
        name
        for name in names
        if name not in _SYSCTLS and pod.edition < _SYSCTLS_SINCE.get(name, pod.edition + 1)
    ]
    return ("forbidden sysctl" + ("s" if len(bad) > 1 else ""), ", ".join(bad)) if bad else None


# --- restricted

_VOLUME_TYPES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "image",
    }
)


def volume_types(pod: Pod) -> Found:
    bad: list[str] = []
    kinds: list[str] = []
    for volume in pod.spec.get("volumes") or ():
        kind = next((key for key in volume if key != "name"), "unknown")
        if kind not in _VOLUME_TYPES:
            bad.append(str(volume.get("name", "")))
            kinds.append(kind)
    if not bad:
        return None
    uses = "uses" if len(bad) == 1 else "use"
    listed = sorted(set(kinds))
    word = "volume type" if len(listed) == 1 else "volume types"
    return "restricted volume types", f"{_plural('volume', bad)} {uses} restricted {word} {_quoted(listed)}"


def privilege_escalation(pod: Pod) -> Found:
    if pod.edition >= 25 and pod.windows:
        return None
    names = _names(pod, lambda one: _context(one).get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    return (
        "allowPrivilegeEscalation != false",
        f"{_plural('container', names)} must set securityContext.allowPrivilegeEscalation=false",
    )


def run_as_non_root(pod: Pod) -> Found:
    if pod.edition >= 35 and pod.user_namespace:
        return None
    whole = _context(pod.spec).get("runAsNonRoot")
    explicit = _names(pod, lambda one: _context(one).get("runAsNonRoot") is False)
    silent = _names(pod, lambda one: _context(one).get("runAsNonRoot") is None)
    reason = "runAsNonRoot != true"
    if whole is False or explicit:
        parts = ["pod"] if whole is False else []
        if explicit:
            parts.append(_plural("container", explicit))
        return reason, f"{' and '.join(parts)} must not set securityContext.runAsNonRoot=false"
    if whole is None and silent:
        return reason, f"pod or {_plural('container', silent)} must set securityContext.runAsNonRoot=true"
    return None


def run_as_user(pod: Pod) -> Found:
    if pod.edition >= 35 and pod.user_namespace:
        return None
    return _profile(
        pod,
        lambda holder: _context(holder).get("runAsUser") == 0,
        "runAsUser=0",
        "must not set runAsUser=0",
    )


def seccomp_restricted(pod: Pod) -> Found:
    if pod.edition >= 25 and pod.windows:
        return None
    allowed = ("RuntimeDefault", "Localhost")
    found = _profile(
        pod,
        lambda holder: _seccomp_type(holder) not in ("", *allowed),
        "seccompProfile",
        'must not set securityContext.seccompProfile.type to "Unconfined"',
    )
    if found is not None or _seccomp_type(pod.spec) in allowed:
        return found
    silent = _names(pod, lambda one: not _seccomp_type(one))
    if not silent:
        return None
    return (
        "seccompProfile",
        f"pod or {_plural('container', silent)} must set securityContext.seccompProfile.type to "
        '"RuntimeDefault" or "Localhost"',
    )


def restricted_capabilities(pod: Pod) -> Found:
    if pod.edition >= 25 and pod.windows:
        return None
    keeps = _names(
        pod, lambda one: "ALL" not in ((_context(one).get("capabilities") or {}).get("drop") or ())
    )
    extra = {name for one in pod.containers() for name in _added(one) if name != "NET_BIND_SERVICE"}
    adds = _names(pod, lambda one: any(name in extra for name in _added(one)))
    texts = []
    if keeps:
        texts.append(f'{_plural("container", keeps)} must set securityContext.capabilities.drop=["ALL"]')
    if adds:
        texts.append(
            f"{_plural('container', adds)} must not include {_quoted(sorted(extra))} in "
            "securityContext.capabilities.add"
        )
    return ("unrestricted capabilities", "; ".join(texts)) if texts else None


class Control(NamedTuple):
    """One control: from which edition on it holds at its level."""

    level: str
    since: int
    look: Callable[[Pod], Found]
    replaces: str = ""
    """A baseline control that this stricter one stands for."""


CONTROLS: tuple[Control, ...] = (
    Control("baseline", 0, apparmor),
    Control("baseline", 0, baseline_capabilities),
    Control("baseline", 0, host_namespaces),
    Control("baseline", 0, host_path),
    Control("baseline", 0, host_ports),
    Control("baseline", 34, host_probes),
    Control("baseline", 0, privileged),
    Control("baseline", 0, proc_mount),
    Control("baseline", 0, selinux),
    Control("baseline", 0, seccomp_baseline),
    Control("baseline", 0, sysctls),
    Control("baseline", 0, host_process),
    Control("restricted", 8, privilege_escalation),
    Control("restricted", 22, restricted_capabilities, replaces="baseline_capabilities"),
    Control("restricted", 0, volume_types, replaces="host_path"),
    Control("restricted", 0, run_as_non_root),
    Control("restricted", 23, run_as_user),
    Control("restricted", 19, seccomp_restricted, replaces="seccomp_baseline"),
)
"""In the order of the messages: baseline first, then by the names upstream gives its checks."""


def violations(standard: Standard, metadata: Object, spec: Object) -> list[tuple[str, str]]:
    """Return what a pod breaks of a standard, as (reason, detail)."""
    if standard.level == "privileged":
        return []
    wanted = ("baseline",) if standard.level == "baseline" else ("baseline", "restricted")
    held = [control for control in CONTROLS if control.level in wanted and control.since <= standard.edition]
    replaced = {control.replaces for control in held}
    pod = Pod(metadata, spec, standard.edition)
    found = (control.look(pod) for control in held if control.look.__name__ not in replaced)
    return [one for one in found if one is not None]


def told(found: Iterable[tuple[str, str]]) -> str:
    """`reason (detail), reason (detail)`."""
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in found)
