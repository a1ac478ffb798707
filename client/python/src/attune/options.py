# SPDX-License-Identifier: Apache-2.0
"""How a client reaches a server, and how long it is patient."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import grpc

from attune.errors import InvalidArgumentError

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_CONTROL_TARGET = "127.0.0.1:50052"

PathOrStr = Union[str, Path]

# A revision's whole manifest holds a catalog and golden vectors.
_MAX_RECEIVE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class RetryOptions:
    """When a call is tried again.

    UNAVAILABLE is tried again, and RESOURCE_EXHAUSTED if the server says after what
    time (``grpc-retry-pushback-ms``). Everything else is the caller's to judge.

    Attributes:
        max_attempts: Calls in total, the first one included. At least 1.
        initial_backoff: Seconds before the second attempt, before jitter. At least 0.
        multiplier: Each wait is this many times the one before. At least 1.
        max_backoff: Seconds that no wait exceeds, before jitter. At least 0.
        jitter: A wait is uniform in [(1 - jitter) b, b]. In [0, 1].

    Raises InvalidArgumentError if one is out of its range.
    """

    max_attempts: int = 4
    initial_backoff: float = 0.05
    multiplier: float = 2.0
    max_backoff: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise InvalidArgumentError("retry.max_attempts: must be at least 1")
        if not self.multiplier >= 1:
            raise InvalidArgumentError("retry.multiplier: must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise InvalidArgumentError("retry.jitter: must be in [0, 1]")
        if not (self.initial_backoff >= 0 and self.max_backoff >= 0):
            raise InvalidArgumentError("retry: backoffs must be at least 0")

    def backoff(self, attempt: int, unit: float) -> float:
        """Seconds before attempt number `attempt` + 1. `attempt` >= 1, `unit` in [0, 1)."""
        growth = self.multiplier ** min(attempt - 1, 60)
        return min(self.initial_backoff * growth, self.max_backoff) * (1 - self.jitter * unit)


@dataclass(frozen=True)
class TlsOptions:
    """How a connection is secured. All are PEM files, read once by the client.

    All or nothing: a certificate without its key, or without `ca_file`, is an error,
    never a connection without TLS. A caller whose certificate was renewed makes a new
    client.

    Attributes:
        ca_file: The certificates to trust. None means a connection without TLS: for
            loopback and for networks that encrypt by themselves only.
        cert_file: The caller's certificate with intermediate ones.
        key_file: Its key. Both or none.
        server_name: The name that the server's certificate must have; None: the
            target's host.

    Raises InvalidArgumentError if only a part of what TLS needs is given.
    """

    ca_file: Optional[PathOrStr] = None
    cert_file: Optional[PathOrStr] = None
    key_file: Optional[PathOrStr] = None
    server_name: Optional[str] = None

    def __post_init__(self) -> None:
        if bool(self.cert_file) != bool(self.key_file):
            raise InvalidArgumentError("tls: cert_file and key_file go together")
        if not self.ca_file and (self.cert_file or self.server_name):
            raise InvalidArgumentError("tls: cert_file and server_name need a ca_file")


def read_credentials(tls: TlsOptions) -> Optional[grpc.ChannelCredentials]:
    """None for a connection without TLS. Raises OSError if a file cannot be read."""
    if not tls.ca_file:
        return None
    roots = Path(tls.ca_file).read_bytes()
    if not (tls.cert_file and tls.key_file):
        return grpc.ssl_channel_credentials(roots)
    return grpc.ssl_channel_credentials(
        roots, Path(tls.key_file).read_bytes(), Path(tls.cert_file).read_bytes()
    )


def channel_arguments(tls: TlsOptions) -> list[tuple[str, Any]]:
    """gRPC's own retries are off: ours are the only ones. No proxies of the environment."""
    arguments: list[tuple[str, Any]] = [
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 2000),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.max_receive_message_length", _MAX_RECEIVE_BYTES),
    ]
    if tls.server_name:
        arguments.append(("grpc.ssl_target_name_override", tls.server_name))
    return arguments
