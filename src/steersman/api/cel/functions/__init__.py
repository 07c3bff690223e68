"""The extension functions of Kubernetes, by family; the expression library brings the standard ones."""

from steersman.api.cel.functions.addresses import ADDRESSES
from steersman.api.cel.functions.authorizer import AUTHORIZER
from steersman.api.cel.functions.formats import NAMED_FORMATS
from steersman.api.cel.functions.function import Function
from steersman.api.cel.functions.lists import LISTS
from steersman.api.cel.functions.quantities import QUANTITIES

__all__ = ["FUNCTIONS", "Function"]

FUNCTIONS: tuple[Function, ...] = (
    *LISTS,
    *QUANTITIES,
    *ADDRESSES,
    *NAMED_FORMATS,
    *AUTHORIZER,
)
