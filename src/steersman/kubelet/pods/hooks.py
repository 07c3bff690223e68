"""Lifecycle hooks: postStart right after a container has started, preStop right before it is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.kubelet.probes.handlers import Handlers, ProbeBroken, Target

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.runtime.clock import Clock

HOOK_SECONDS = 120.0  # a hook without a natural end


class HookFailed(Exception):
    """The hook did not succeed; the message says why."""


async def run_hook(
    handlers: Handlers, hook: Object, target: Target, clock: Clock, seconds: float = HOOK_SECONDS
) -> None:
    """Run one hook to its end, at most `seconds` long. Raises: HookFailed."""
    if sleep := hook.get("sleep"):
        await clock.sleep(min(float(sleep.get("seconds") or 0), seconds))
        return
    if hook.get("tcpSocket"):
        raise HookFailed("tcpSocket is not a hook")
    try:
        answer = await handlers.ask(hook, target, seconds)
    except ProbeBroken as error:
        raise HookFailed(str(error)) from error
    if not answer.healthy:
        raise HookFailed(answer.text)
