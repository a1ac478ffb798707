# SPDX-License-Identifier: Apache-2.0
"""Performs the operations of `attune._core`, with grpc or with grpc.aio.

The only files that speak gRPC are this one and options.py.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, Callable, Optional, TypeVar

import grpc
import grpc.aio

from attune import _core
from attune.errors import AttuneError, InternalError, error_from_rpc
from attune.options import TlsOptions, channel_arguments, read_credentials

T = TypeVar("T")

# Messages of a stream that may be under way before their answers are.
_AHEAD = 2


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
                    result = self._perform(op)
                except AttuneError as error:
                    op = call.throw(error)
                else:
                    op = call.send(result)
        except StopIteration as end:
            result_of_call: T = end.value
            return result_of_call

    def _perform(self, op: Any) -> Any:
        if isinstance(op, _core.Sleep):
            return time.sleep(op.seconds)
        try:
            if isinstance(op, _core.Exchange):
                return self._exchange(op)
            if isinstance(op, _core.Upload):
                return self._make(self._channel.stream_unary, op)(op.request(), timeout=op.timeout)
            if isinstance(op, _core.FirstAnswer):
                return self._first_answer(op)
            return self._make(self._channel.unary_unary, op)(op.request, timeout=op.timeout)
        except grpc.RpcError as error:
            raise error_from_rpc(error) from None

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

    def _exchange(self, op: _core.Exchange) -> tuple[list[Any], Optional[AttuneError]]:
        answers: list[Any] = []
        ahead = threading.Semaphore(_AHEAD)
        ended = threading.Event()

        def requests() -> Iterator[Any]:
            for request in op.request:
                ahead.acquire()
                if ended.is_set():
                    return
                yield request

        stream = self._make(self._channel.stream_stream, op)(requests(), timeout=op.timeout)
        try:
            for answer in stream:
                answers.append(answer)
                ahead.release()
        except grpc.RpcError as error:
            return answers, error_from_rpc(error)
        finally:
            # gRPC's thread may wait for an answer that does not come.
            ended.set()
            ahead.release()
        return answers, None


class AsyncTransport:
    """A connection of one event loop."""

    def __init__(self, target: str, tls: TlsOptions) -> None:
        credentials, arguments = read_credentials(tls), channel_arguments(tls)
        self._channel = (
            grpc.aio.secure_channel(target, credentials, arguments)
            if credentials
            else grpc.aio.insecure_channel(target, arguments)
        )

    async def close(self) -> None:
        """Ends the calls that are under way, with CANCELLED."""
        await self._channel.close()

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
        try:
            if isinstance(op, _core.Exchange):
                return await self._exchange(op)
            if isinstance(op, _core.Upload):
                return await self._make(self._channel.stream_unary, op)(
                    op.request(), timeout=op.timeout
                )
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

    async def _exchange(self, op: _core.Exchange) -> tuple[list[Any], Optional[AttuneError]]:
        answers: list[Any] = []
        stream = self._make(self._channel.stream_stream, op)(timeout=op.timeout)
        try:
            for sent, request in enumerate(op.request):
                if sent >= _AHEAD:
                    answers.append(await self._next(stream))
                await stream.write(request)
            await stream.done_writing()
            while True:
                answers.append(await self._next(stream))
        except grpc.aio.AioRpcError as error:
            return answers, error_from_rpc(error)
        except asyncio.InvalidStateError:
            # The stream ended before the write.
            return answers, await self._end_of(stream)
        except _Ended:
            return answers, None
        finally:
            stream.cancel()

    async def _end_of(self, stream: Any) -> Optional[AttuneError]:
        code = await stream.code()
        if code == grpc.StatusCode.OK:
            return None
        return error_from_rpc(
            grpc.aio.AioRpcError(
                code,
                grpc.aio.Metadata(),
                await stream.trailing_metadata(),
                details=await stream.details(),
            )
        )

    async def _next(self, stream: Any) -> Any:
        answer = await stream.read()
        if answer is grpc.aio.EOF:
            raise _Ended
        return answer


class _Ended(Exception):
    """The server ended the stream, well."""
