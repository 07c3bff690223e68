"""The AdmissionConfiguration file: settings of admission plug-ins, by their names.

A plug-in's settings stand in the file itself (`configuration`) or in a file of their own (`path`, relative to
it). Source: the documented apiserver.config.k8s.io/v1 AdmissionConfiguration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.api.types import Object

API_VERSION = "apiserver.config.k8s.io/v1"


def read(path: Path) -> dict[str, Object]:
    """Return the settings by plug-in. Raises: OSError; ValueError naming the file."""
    document = _document(path)
    try:
        return parse(document, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse(document: Any, directory: Path) -> dict[str, Object]:
    """The settings in a decoded file. Raises: OSError, ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "AdmissionConfiguration":
        raise ValueError("it is not of kind AdmissionConfiguration")
    if document.get("apiVersion") != API_VERSION:
        raise ValueError(f"apiVersion {document.get('apiVersion')!r} is not {API_VERSION}")
    found: dict[str, Object] = {}
    for index, plugin in enumerate(document.get("plugins") or ()):
        name = plugin.get("name") if isinstance(plugin, dict) else None
        if not name:
            raise ValueError(f"plugins[{index}].name: a name is needed")
        if name in found:
            raise ValueError(f"plugins[{index}].name: {name} is there twice")
        own = plugin.get("path")
        settings = _document(directory / str(own)) if own else plugin.get("configuration")
        if not isinstance(settings, dict):
            raise ValueError(f"plugins[{index}]: either configuration or path is needed")
        found[str(name)] = settings
    return found


def _document(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
