"""The per-node form of a plug-in, as the README of the plug-ins shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from tests.scheduler.objects import World, node, pod

from steersman.scheduler import framework, plugins
from steersman.scheduler.framework import FilterPlugin, PerNodePlugin
from steersman.scheduler.passes import Evaluator, Found, Turned

README = Path(plugins.__file__).parent / "README.md"


def example() -> type[PerNodePlugin]:
    """The class in the README's code block."""
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, Any] = {**vars(framework), "ClassVar": ClassVar}
    exec("from __future__ import annotations\n" + code, names)
    made: type[PerNodePlugin] = names["NoMondays"]
    return made


def test_the_readme_example_keeps_pods_off_tired_nodes() -> None:
    world = World(node("a", labels={"tired": "yes"}), node("b", cpu="1"))
    evaluator = Evaluator(world.cluster, (*plugins.PLUGINS, example()), lambda count: 0)
    assert evaluator.find(world.info(pod()).template) == Found("b")
    turned = evaluator.find(world.info(pod(requests={"cpu": "2"})).template)
    assert isinstance(turned, Turned)
    assert {(name, r.reason) for name, r in turned.rejections} == {
        ("NoMondays", "node(s) were tired"),
        ("NodeResourcesFit", "Insufficient cpu"),
    }


def test_the_readme_lists_every_plugin() -> None:
    listed = re.findall(r"^\| `(\w+)`", README.read_text(), re.MULTILINE)
    assert listed == [plugin.name for plugin in plugins.PLUGINS]


def test_every_filter_says_what_may_unblock_a_pod() -> None:
    assert all(plugin.events for plugin in plugins.PLUGINS if issubclass(plugin, FilterPlugin))
