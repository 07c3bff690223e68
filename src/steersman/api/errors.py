"""API errors: one exception tree that turns into a Status in one place.

    ApiError                              code  reason
    ├── BadRequest                        400   BadRequest
    ├── Unauthorized                      401   Unauthorized
    ├── Forbidden                         403   Forbidden
    ├── NotFound                          404   NotFound
    ├── MethodNotSupported                405   MethodNotAllowed
    ├── NotAcceptable                     406   NotAcceptable
    ├── AlreadyExists                     409   AlreadyExists
    ├── Conflict                          409   Conflict
    ├── Gone                              410   Gone
    │   └── Expired                       410   Expired        resourceVersion or continue token too old
    ├── RequestEntityTooLarge             413   RequestEntityTooLarge
    ├── UnsupportedMediaType              415   UnsupportedMediaType
    ├── Invalid                           422   Invalid
    ├── TooManyRequests                   429   TooManyRequests
    ├── InternalError                     500   InternalError
    ├── ServerTimeout                     500   ServerTimeout
    ├── ServiceUnavailable                503   ServiceUnavailable
    └── Timeout                           504   Timeout

Every class takes `(message, details=None)`. The `of(...)` constructors build upstream's text and details from
a resource (k8s.io/apimachinery/pkg/api/errors): use them wherever an object is concerned.
`ApiError.from_status` is the way back, for clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.fields import FieldError
    from steersman.api.types import Object


class Named(Protocol):
    """What errors need to know of a resource (`kinds.Resource` satisfies it)."""

    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...
    @property
    def kind(self) -> str: ...


def qualified(resource: Named) -> str:
    """`deployments.apps`, `pods`."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def qualified_kind(resource: Named) -> str:
    """`Deployment.apps`, `Pod`."""
    return f"{resource.kind}.{resource.group}" if resource.group else resource.kind


def _details(resource: Named, name: str, *, kind: str = "", causes: Sequence[Object] = ()) -> Object:
    details: Object = {}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    if kind or resource.plural:
        details["kind"] = kind or resource.plural
    if causes:
        details["causes"] = list(causes)
    return details


class ApiError(Exception):
    """An error the API answers with. Sub-classes fix code and reason; this class carries any other pair."""

    code: int = 500
    reason: str = "InternalError"

    def __init__(
        self,
        message: str,
        details: Object | None = None,
        *,
        code: int | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        if code is not None:
            self.code = code
        if reason is not None:
            self.reason = reason

    def to_status(self) -> Object:
        """The `v1 Status` body of the answer."""
        status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        if self.message:
            status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        return status

    @property
    def retry_after(self) -> int:
        """Seconds for the Retry-After header; 0 for none."""
        return int((self.details or {}).get("retryAfterSeconds", 0))

    @staticmethod
    def from_status(status: Object, code: int) -> ApiError:
        """Rebuild the exception from a Status body (or from anything else a server sent with that code)."""
        raw_reason = status.get("reason")
        reason = raw_reason if isinstance(raw_reason, str) else ""
        raw_code = status.get("code")
        real_code = raw_code if isinstance(raw_code, int) and raw_code else code
        message = str(status.get("message") or f"the server answered with code {real_code}")
        details = status.get("details")
        kind = _BY_REASON.get(reason) or (_BY_CODE.get(real_code) if not reason else None) or ApiError
        return kind(
            message,
            details if isinstance(details, dict) else None,
            code=real_code,
            reason=reason or kind.reason,
        )


class BadRequest(ApiError):
    """The request cannot be understood."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """Nobody knows who is asking."""

    code, reason = 401, "Unauthorized"

    def __init__(self, message: str = "Unauthorized", details: Object | None = None, **kwargs: Any) -> None:
        super().__init__(message, details, **kwargs)


class Forbidden(ApiError):
    """The asker is known and may not."""

    code, reason = 403, "Forbidden"

    @classmethod
    def of(cls, resource: Named, name: str, why: object) -> Forbidden:
        """`pods "x" is forbidden: <why>`."""
        subject = f'{qualified(resource)} "{name}"' if name else qualified(resource)
        return cls(f"{subject} is forbidden: {why}", _details(resource, name))


class NotFound(ApiError):
    """No such object, or no such path."""

    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, resource: Named, name: str) -> NotFound:
        """`deployments.apps "x" not found`."""
        return cls(f'{qualified(resource)} "{name}" not found', _details(resource, name))

    @classmethod
    def path(cls) -> NotFound:
        """The answer for a path that no resource serves."""
        return cls("the server could not find the requested resource", {})


class MethodNotSupported(ApiError):
    """The resource exists and does not have this verb."""

    code, reason = 405, "MethodNotAllowed"

    @classmethod
    def of(cls, resource: Named, verb: str) -> MethodNotSupported:
        """`delete is not supported on resources of kind "bindings"`."""
        text = f'{verb} is not supported on resources of kind "{qualified(resource)}"'
        return cls(text, _details(resource, ""))

    @classmethod
    def path(cls) -> MethodNotSupported:
        """The answer for a path that exists only for other HTTP methods."""
        return cls("the server does not allow this method on the requested resource", {})


class NotAcceptable(ApiError):
    """None of the asked-for media types can be produced."""

    code, reason = 406, "NotAcceptable"

    @classmethod
    def of(cls, accepted: Sequence[str]) -> NotAcceptable:
        """Name the media types that would have been accepted."""
        return cls(f"only the following media types are accepted: {', '.join(accepted)}")


class AlreadyExists(ApiError):
    """The name is taken."""

    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, resource: Named, name: str) -> AlreadyExists:
        """`pods "x" already exists`."""
        return cls(f'{qualified(resource)} "{name}" already exists', _details(resource, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


class Conflict(ApiError):
    """The write does not fit the state it meets: resourceVersion, preconditions, or another field manager."""

    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, resource: Named, name: str, why: object = STALE) -> Conflict:
        """`Operation cannot be fulfilled on pods "x": <why>`."""
        text = f'Operation cannot be fulfilled on {qualified(resource)} "{name}": {why}'
        return cls(text, _details(resource, name))


class Gone(ApiError):
    """It was there once."""

    code, reason = 410, "Gone"


class Expired(Gone):
    """The resourceVersion or continue token is older than what is kept; list again."""

    code, reason = 410, "Expired"


class RequestEntityTooLarge(ApiError):
    """The body is over the limit."""

    code, reason = 413, "RequestEntityTooLarge"

    @classmethod
    def of(cls, limit: int) -> RequestEntityTooLarge:
        """State the limit in bytes."""
        return cls(f"Request entity too large: limit is {limit}")


class UnsupportedMediaType(ApiError):
    """The body's media type cannot be read."""

    code, reason = 415, "UnsupportedMediaType"

    @classmethod
    def of(cls, accepted: Sequence[str]) -> UnsupportedMediaType:
        """Name the media types that would have been accepted."""
        listed = ", ".join(accepted)
        text = f"the body of the request was in an unknown format - accepted media types include: {listed}"
        return cls(text)


class Invalid(ApiError):
    """The object was understood and breaks rules; one cause per field error."""

    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, resource: Named, name: str, errors: Sequence[FieldError]) -> Invalid:
        """`Deployment.apps "x" is invalid: [<error>, <error>]`; no brackets around a single one."""
        texts = list(dict.fromkeys(str(error) for error in errors))
        joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        causes = [error.cause() for error in errors]
        return cls(
            f'{qualified_kind(resource)} "{name}" is invalid: {joined}',
            _details(resource, name, kind=resource.kind, causes=causes),
        )


class TooManyRequests(ApiError):
    """Ask again later."""

    code, reason = 429, "TooManyRequests"

    @classmethod
    def of(cls, message: str, retry_after: int = 1) -> TooManyRequests:
        """`retry_after` in seconds becomes the Retry-After header."""
        return cls(message, {"retryAfterSeconds": retry_after} if retry_after else None)


class InternalError(ApiError):
    """A fault of the server, not of the request."""

    code, reason = 500, "InternalError"

    @classmethod
    def of(cls, why: object) -> InternalError:
        """`Internal error occurred: <why>`."""
        return cls(f"Internal error occurred: {why}", {"causes": [{"message": str(why)}]})


class ServerTimeout(ApiError):
    """The server could not finish in time; trying again is safe."""

    code, reason = 500, "ServerTimeout"

    @classmethod
    def of(cls, resource: Named, operation: str, retry_after: int = 0) -> ServerTimeout:
        """`The list operation against pods could not be completed at this time, please try again.`"""
        details = _details(resource, "")
        if retry_after:
            details["retryAfterSeconds"] = retry_after
        text = f"The {operation} operation against {qualified(resource)} could not be completed at this time"
        return cls(f"{text}, please try again.", details)


class ServiceUnavailable(ApiError):
    """Not ready, or shutting down."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    """The request's own time is over."""

    code, reason = 504, "Timeout"

    @classmethod
    def of(cls, why: str, retry_after: int = 0) -> Timeout:
        """`Timeout: <why>`."""
        return cls(f"Timeout: {why}", {"retryAfterSeconds": retry_after} if retry_after else None)


_CLASSES: tuple[type[ApiError], ...] = (
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotSupported,
    NotAcceptable,
    AlreadyExists,
    Conflict,
    Gone,
    Expired,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    Invalid,
    TooManyRequests,
    InternalError,
    ServerTimeout,
    ServiceUnavailable,
    Timeout,
)


_BY_REASON: dict[str, type[ApiError]] = {kind.reason: kind for kind in _CLASSES}
_BY_CODE: dict[int, type[ApiError]] = {kind.code: kind for kind in reversed(_CLASSES)}
_BY_CODE[409] = Conflict
