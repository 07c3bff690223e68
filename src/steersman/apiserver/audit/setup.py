"""From the server's settings to an auditor with its backends, and back."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from steersman.apiserver.audit import policy
from steersman.apiserver.audit.auditor import Auditor
from steersman.apiserver.audit.logfile import LogFile
from steersman.apiserver.audit.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.apiserver.audit.auditor import Backend
    from steersman.apiserver.config import APIServerConfig
    from steersman.runtime.clock import Clock
    from steersman.runtime.tasks import TaskGroup

MIB = 1 << 20


@asynccontextmanager
async def open_auditor(config: APIServerConfig, clock: Clock, tasks: TaskGroup) -> AsyncIterator[Auditor]:
    """Give an auditor; what it has taken is delivered at the end.

    Raises: PolicyError, KubeConfigError, OSError.
    """
    async with AsyncExitStack() as stack:
        rules = policy.load(config.audit_policy_file)
        backends: list[Backend] = []
        if config.audit_log_path:
            file = LogFile(
                config.audit_log_path,
                max_bytes=config.audit_log_maxsize * MIB,
                backups=config.audit_log_maxbackup,
            )
            stack.callback(file.close)
            backends.append(file)
        if config.audit_webhook_config_file:
            webhook = Webhook(config.audit_webhook_config_file)
            stack.push_async_callback(webhook.close)
            tasks.spawn(webhook.run(), "audit webhook")
            backends.append(webhook)
        yield Auditor(rules, backends, clock)
