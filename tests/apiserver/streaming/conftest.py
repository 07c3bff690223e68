"""A real node and what is needed to send kubectl to it."""

from tests.kubelet.conftest import node

__all__ = ["node"]
