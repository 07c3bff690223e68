"""What may be stored: admission plug-ins change (mutate) and then judge (validate) every write.

Order on create: defaults, mutating plug-ins, strategy and defaults, validation of the object, validating
plug-ins, store. Plug-ins raise an `ApiError` (mostly Forbidden or Invalid) to refuse. `make_plugins` builds
the visible, ordered tuple; a plug-in may define either method, or both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import User

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
Side = Literal["mutate", "validate"]


@dataclass(slots=True)
class Attributes:
    """One write as plug-ins see it. `obj` is None on DELETE, `old` on CREATE; mutating plug-ins change `obj`
    in place."""

    operation: Operation
    resource: Resource
    subresource: str
    namespace: str
    name: str
    obj: Object | None
    old: Object | None
    user: User
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    field_manager: str = ""
    audit: dict[str, str] = field(default_factory=dict)
    """Annotations for the audit event."""
    memo: dict[str, Any] = field(default_factory=dict)
    """What a plug-in keeps between its calls for this write, by its name."""
    round: int = 0
    """0 for the first pass through the mutating plug-ins, 1 for the second."""
    again: bool = False
    """Set by a mutating plug-in that changed the object after others had seen it: all are asked once
    more."""
    undo: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What takes back what validating plug-ins did elsewhere; awaited when the write is not stored."""

    async def not_stored(self) -> None:
        """Take back what was done for this write, the last first."""
        while self.undo:
            await self.undo.pop()()


class Plugin(Protocol):
    """One admission plug-in."""

    name: str
    """The plug-in's name in Kubernetes, e.g. "NamespaceLifecycle"."""

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        """Say whether this plug-in cares; asked once per combination and remembered."""
        ...

    async def mutate(self, attributes: Attributes) -> None:
        """Change `attributes.obj` in place, or raise."""
        ...

    async def validate(self, attributes: Attributes) -> None:
        """Raise when the write must not happen; change nothing."""
        ...


def make_plugins(api: API) -> tuple[Plugin, ...]:
    """Build the plug-ins in the order they run. Raises ValueError for a name there is not."""
    from steersman.apiserver.admission.plugins import ADMISSION, ON_DEMAND

    config = api.config
    enabled, disabled = set(config.enable_admission_plugins), set(config.disable_admission_plugins)
    wanted = {plugin.name for plugin in ADMISSION} - set(ON_DEMAND)
    unknown = (enabled | disabled) - {plugin.name for plugin in ADMISSION}
    if unknown:
        raise ValueError(f"there is no admission plug-in {', '.join(sorted(unknown))}")
    chosen = (wanted - disabled) | enabled
    made = tuple(plugin(api) for plugin in ADMISSION if plugin.name in chosen)
    if config.admission_control_config_file:
        _configure(made, config.admission_control_config_file)
    return made


def _configure(plugins: tuple[Plugin, ...], path: str) -> None:
    """Hand out what a file says about plug-ins. Raises: OSError; ValueError naming the file."""
    from steersman.apiserver.admission.configuration import read
    from steersman.apiserver.admission.plugin import AdmissionPlugin

    by_name = {plugin.name: plugin for plugin in plugins}
    for name, settings in read(Path(path)).items():
        plugin = by_name.get(name)
        if not isinstance(plugin, AdmissionPlugin):
            raise ValueError(f"{path}: the admission plug-in {name} does not run, or has no settings")
        try:
            plugin.configure(settings)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
