"""Running streaming answers of the in-process transport: they outlive the call that started them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.apiserver.http.values import Sink, Streaming
    from steersman.runtime.tasks import TaskGroup

log = logging.getLogger("steersman.apiserver.http")


class Streams:
    """Streams of one server, children of its task group."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks

    def start(self, answer: Streaming, sink: Sink) -> None:
        """Run an answer in the background until it ends or its reader is gone."""
        self._tasks.spawn(run(answer, sink), "stream")


async def run(answer: Streaming, sink: Sink) -> None:
    """Write an answer; a failure is logged and cuts the stream, nothing else."""
    try:
        await answer.run(sink)
    except ConnectionError:
        sink.abort()
    except Exception:  # BLE001: logged; only this stream ends
        log.exception("a stream failed")
        sink.abort()
    else:
        sink.finish()
