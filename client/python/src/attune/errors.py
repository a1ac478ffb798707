# SPDX-License-Identifier: Apache-2.0
"""What a call can end with: one exception a canonical code.

Every error of the server carries a `google.rpc.ErrorInfo`; its reason, for
instance ``FEEDBACK_WINDOW_CLOSED``, is stable and meant for programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from google.rpc import error_details_pb2, status_pb2

_DETAILS = "grpc-status-details-bin"
_PUSHBACK = "grpc-retry-pushback-ms"


@dataclass(frozen=True)
class FieldViolation:
    """One field of the request that is outside its limits."""

    field: str
    description: str


class AttuneError(Exception):
    """A call that failed. Subclasses tell the codes apart.

    Attributes:
        code: The canonical code, for instance ``"NOT_FOUND"``.
        message: The server's words.
        reason: ``ErrorInfo.reason``, for instance ``"LOG_DISABLED"``; empty if the
            error is not from an Attune server.
        domain: ``ErrorInfo.domain``.
        metadata: ``ErrorInfo.metadata``.
        violations: The fields that are wrong, of an INVALID_ARGUMENT.
        retry_after: Seconds after which the server wants the call again; None if it
            did not say. At least 0.
    """

    code = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        domain: str = "",
        metadata: Optional[Mapping[str, str]] = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.domain = domain
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}"
        for violation in self.violations:
            said = f"{violation.field}: {violation.description}"
            if said not in text:
                text += f"; {said}"
        return f"{text} [{self.reason}]" if self.reason else text


class CancelledError(AttuneError):
    """CANCELLED: somebody ended the call."""

    code = "CANCELLED"


class UnknownError(AttuneError):
    """UNKNOWN: not one of ours, or a peer that is no Attune server."""

    code = "UNKNOWN"


class InvalidArgumentError(AttuneError, ValueError):
    """INVALID_ARGUMENT: a mistake in the request; `violations` names the fields."""

    code = "INVALID_ARGUMENT"


class DeadlineExceededError(AttuneError):
    """DEADLINE_EXCEEDED: no answer in time; the server may have done the work."""

    code = "DEADLINE_EXCEEDED"


class NotFoundError(AttuneError):
    """NOT_FOUND: no such revision or policy."""

    code = "NOT_FOUND"


class AlreadyExistsError(AttuneError):
    """ALREADY_EXISTS."""

    code = "ALREADY_EXISTS"


class PermissionDeniedError(AttuneError):
    """PERMISSION_DENIED: the certificate lacks the role, or a push is not signed."""

    code = "PERMISSION_DENIED"


class ResourceExhaustedError(AttuneError):
    """RESOURCE_EXHAUSTED: too many calls, or a limit; see `retry_after`."""

    code = "RESOURCE_EXHAUSTED"


class FailedPreconditionError(AttuneError):
    """FAILED_PRECONDITION: not in this state, for instance feedback that is too late."""

    code = "FAILED_PRECONDITION"


class AbortedError(AttuneError):
    """ABORTED: another push of the same artifact is under way."""

    code = "ABORTED"


class OutOfRangeError(AttuneError):
    """OUT_OF_RANGE: a push that went on at the wrong place."""

    code = "OUT_OF_RANGE"


class UnimplementedError(AttuneError):
    """UNIMPLEMENTED: the server is older than this client, or it is the wrong port."""

    code = "UNIMPLEMENTED"


class InternalError(AttuneError):
    """INTERNAL: a fault of the server's, or an answer that makes no sense."""

    code = "INTERNAL"


class UnavailableError(AttuneError):
    """UNAVAILABLE: the server cannot be reached or cannot do it now."""

    code = "UNAVAILABLE"


class DataLossError(AttuneError):
    """DATA_LOSS: a file is damaged."""

    code = "DATA_LOSS"


class UnauthenticatedError(AttuneError):
    """UNAUTHENTICATED: no certificate, or a token that the server did not issue."""

    code = "UNAUTHENTICATED"


_BY_NUMBER: Mapping[int, type[AttuneError]] = {
    1: CancelledError,
    2: UnknownError,
    3: InvalidArgumentError,
    4: DeadlineExceededError,
    5: NotFoundError,
    6: AlreadyExistsError,
    7: PermissionDeniedError,
    8: ResourceExhaustedError,
    9: FailedPreconditionError,
    10: AbortedError,
    11: OutOfRangeError,
    12: UnimplementedError,
    13: InternalError,
    14: UnavailableError,
    15: DataLossError,
    16: UnauthenticatedError,
}


def error_from_status(
    status: status_pb2.Status, retry_after: Optional[float] = None
) -> AttuneError:
    """The exception of a `google.rpc.Status`. Details that cannot be read are left out."""
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    violations: list[FieldViolation] = []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR) and detail.Unpack(bad):
            violations += [FieldViolation(v.field, v.description) for v in bad.field_violations]
    return _BY_NUMBER.get(status.code, UnknownError)(
        status.message,
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        violations=violations,
        retry_after=retry_after,
    )


def error_from_rpc(error: Any) -> AttuneError:
    """The exception of a failed call of grpc or grpc.aio."""
    number = int(error.code().value[0])
    status = status_pb2.Status(code=number, message=error.details() or "")
    retry_after = None
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            status = _parse(value, status)
        elif key == _PUSHBACK and number == 8:
            retry_after = _pushback(value)
    return error_from_status(status, retry_after)


def _parse(value: bytes, plain: status_pb2.Status) -> status_pb2.Status:
    try:
        rich: status_pb2.Status = status_pb2.Status.FromString(value)
    except Exception:
        return plain
    rich.code, rich.message = plain.code, plain.message
    return rich


def _pushback(value: Any) -> Optional[float]:
    """Seconds, by gRFC A6: below 0, or no number, means never."""
    try:
        millis = int(value)
    except ValueError:
        return None
    return millis / 1000 if millis >= 0 else None
