# SPDX-License-Identifier: Apache-2.0
"""Performs the operations of `attune._core`, with grpc or with grpc.aio.

The only files that speak gRPC are this one and options.py.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional, TypeVar

import grpc
import grpc.aio

from attune import _core
from attune.errors import AttuneError, CancelledError, InternalError, error_from_rpc
from attune.options import TlsOptions, channel_arguments, read_credentials

T = TypeVar("T")

# Messages of a stream that may be under way before their answers are.
_AHEAD = 2
# Streams of one asynchronous client that may be under way.
_STREAM_THREADS = 16


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


class Transport:
    """A blocking connection. Thread-safe."""

    def __init__(self, target: str, tls: TlsOptions) -> None:
        credentials, arguments = read_credentials(tls), channel_arguments(tls)
        self._channel = (
            grpc.secure_channel(target, credentials, arguments)
            if credentials
            else grpc.insecure_channel(target, arguments)
        )

    def close(self) -> None:
        """Ends the calls that are under way, with CANCELLED."""
        self._channel.close()

    def run(self, call: Generator[Any, Any, T]) -> T:
        """Drives a call to its end."""
        try:
            op = next(call)
            while True:
                try:
                    result = self.perform(op)
                except AttuneError as error:
                    op = call.throw(error)
                else:
                    op = call.send(result)
        except StopIteration as end:
            result_of_call: T = end.value
            return result_of_call

    def perform(self, op: Any, started: Callable[[Any], None] = lambda _: None) -> Any:
        """One operation. `started` gets a stream's call, which another thread may cancel."""
        if isinstance(op, _core.Sleep):
            return time.sleep(op.seconds)
        try:
            if isinstance(op, _core.Exchange):
                return self._exchange(op, started)
            if isinstance(op, _core.Upload):
                upload = self._make(self._channel.stream_unary, op).future(
                    op.request(), timeout=op.timeout
                )
                started(upload)
                return upload.result()
            if isinstance(op, _core.FirstAnswer):
                return self._first_answer(op)
            return self._make(self._channel.unary_unary, op)(op.request, timeout=op.timeout)
        except grpc.RpcError as error:
            raise error_from_rpc(error) from None
        except grpc.FutureCancelledError:
            raise CancelledError("the client was closed") from None

    def _make(self, kind: Callable[..., Any], op: _core.Unary) -> Any:
        return kind(
            op.method,
            request_serializer=_serialize,
            response_deserializer=op.response_type.FromString,
        )

    def _first_answer(self, op: _core.FirstAnswer) -> Any:
        stream = self._make(self._channel.unary_stream, op)(op.request, timeout=op.timeout)
        try:
            for answer in stream:
                return answer
        finally:
            stream.cancel()
        raise InternalError("the stream ended without a message")

    def _exchange(
        self, op: _core.Exchange, started: Callable[[Any], None]
    ) -> tuple[list[Any], Optional[AttuneError]]:
        answers: list[Any] = []
        ahead = threading.Semaphore(_AHEAD)

        def requests() -> Iterator[Any]:
            for request in op.request:
                ahead.acquire()
                yield request

        stream = self._make(self._channel.stream_stream, op)(requests(), timeout=op.timeout)
        started(stream)
        try:
            for answer in stream:
                answers.append(answer)
                ahead.release()
        except grpc.RpcError as error:
            return answers, error_from_rpc(error)
        finally:
            # gRPC's thread may wait for an answer that does not come; it ends with the stream.
            ahead.release()
            stream.cancel()
        return answers, None


class AsyncTransport:
    """A connection of one event loop; streams of requests have a blocking one, and threads.

    A grpc.aio stream whose write fails as the server ends it may say INTERNAL and forget the
    status that the server sent (grpc issue 36066): a broken push would not be resumed.
    """

    def __init__(self, target: str, tls: TlsOptions) -> None:
        # Connects, and starts threads, when it is used.
        self._blocking = Transport(target, tls)
        self._threads = ThreadPoolExecutor(_STREAM_THREADS, "attune")
        credentials, arguments = read_credentials(tls), channel_arguments(tls)
        self._channel = (
            grpc.aio.secure_channel(target, credentials, arguments)
            if credentials
            else grpc.aio.insecure_channel(target, arguments)
        )

    async def close(self) -> None:
        """Ends the calls that are under way, with CANCELLED."""
        await self._channel.close()
        self._blocking.close()
        self._threads.shutdown(wait=False)

    async def run(self, call: Generator[Any, Any, T]) -> T:
        """Drives a call to its end."""
        try:
            op = next(call)
            while True:
                try:
                    result = await self._perform(op)
                except AttuneError as error:
                    op = call.throw(error)
                else:
                    op = call.send(result)
        except StopIteration as end:
            result_of_call: T = end.value
            return result_of_call

    async def _perform(self, op: Any) -> Any:
        if isinstance(op, _core.Sleep):
            return await asyncio.sleep(op.seconds)
        if isinstance(op, (_core.Exchange, _core.Upload)):
            return await self._in_thread(op)
        try:
            if isinstance(op, _core.FirstAnswer):
                return await self._first_answer(op)
            return await self._make(self._channel.unary_unary, op)(op.request, timeout=op.timeout)
        except grpc.aio.AioRpcError as error:
            raise error_from_rpc(error) from None

    def _make(self, kind: Callable[..., Any], op: _core.Unary) -> Any:
        return kind(
            op.method,
            request_serializer=_serialize,
            response_deserializer=op.response_type.FromString,
        )

    async def _first_answer(self, op: _core.FirstAnswer) -> Any:
        stream = self._make(self._channel.unary_stream, op)(op.request, timeout=op.timeout)
        try:
            async for answer in stream:
                return answer
        finally:
            stream.cancel()
        raise InternalError("the stream ended without a message")

    async def _in_thread(self, op: Any) -> Any:
        running = _Running()
        perform = functools.partial(self._blocking.perform, op, running.started)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, perform)
        finally:
            # Of use if this task was cancelled; a call that has ended does not mind.
            running.cancel()


class _Running:
    """A call that may be cancelled at any time, also before it has started. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._call: Any = None
        self._cancelled = False

    def started(self, call: Any) -> None:
        with self._lock:
            self._call = call
            cancelled = self._cancelled
        if cancelled:
            call.cancel()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            call = self._call
        if call is not None:
            call.cancel()
