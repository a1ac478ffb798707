# SPDX-License-Identifier: Apache-2.0
"""A server in this process that answers as told and counts its calls."""

import concurrent.futures
import threading

import grpc
from google.rpc import error_details_pb2, status_pb2

from attune.v1 import log_service_pb2 as log_pb
from attune.v1 import policy_service_pb2 as policy_pb
from attune.v1 import prompt_service_pb2 as prompt_pb


class Fault(Exception):
    """How a call ends: a code, a message, ErrorInfo's reason, trailing metadata."""

    def __init__(self, code, message="told to fail", reason="", trailers=()):
        super().__init__(message)
        self.code, self.message, self.reason, self.trailers = code, message, reason, trailers

    def abort(self, context):
        """Ends the call like this."""
        rich = status_pb2.Status(code=self.code.value[0], message=self.message)
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain="attune.test")
        rich.details.add().Pack(info)
        if self.code == grpc.StatusCode.INVALID_ARGUMENT:
            bad = error_details_pb2.BadRequest()
            bad.field_violations.add(field="history", description="0 items, at least 1")
            rich.details.add().Pack(bad)
        details = ("grpc-status-details-bin", rich.SerializeToString())
        context.set_trailing_metadata((details, *self.trailers))
        context.abort(self.code, self.message)


def sample_response(request):
    """Displays the candidates in the order 2, 0, 1, ... of the caller's."""
    count = len(request.candidates)
    order = [count - 1, *range(count - 1)]
    response = prompt_pb.GetPromptResponse(
        decision_id="0" * 32, decision_token=b"token", revision="fake"
    )
    message = response.messages.add(role="user")
    message.segments.add(kind=1, source="instruction", text="Rank ")
    message.segments.add(kind=2, source="candidates", text="them")
    response.choice.patterns.add(pattern="hint", option_id="none", probability=0.25)
    response.answer.readout = 1
    for i, candidate in enumerate(order):
        response.answer.labels.append(chr(ord("A") + i))
        response.answer.displayed_item_ids.append(request.candidates[candidate].item_id)
        response.answer.displayed_titles.append(request.candidates[candidate].title)
    return response


class FakeServer:
    """Tests say how the next unary calls (`faults`) and streams (`break_after` and
    `stream_faults`) end, then call."""

    def __init__(self):
        self.faults = []
        self.stream_faults = []
        self.calls = []
        self.hold = threading.Event()
        self.hold.set()
        self.hold_push = threading.Event()
        self.hold_push.set()
        self.push_ended = threading.Event()
        self.stored = bytearray()
        self.break_after = []
        self.pages = [log_pb.ListDecisionsResponse()]
        pool = concurrent.futures.ThreadPoolExecutor(8)
        self._server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([self._handlers(*spec) for spec in self._specs()])
        self.target = self.control = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.hold_push.set()
        self._server.stop(0).wait()

    def names(self):
        """The methods that were called, in order."""
        return [name for name, _ in self.calls]

    def _specs(self):
        return [
            ("PromptService", {
                "GetPrompt": (prompt_pb.GetPromptRequest, sample_response),
                "RecordFeedback": (prompt_pb.RecordFeedbackRequest, self._feedback),
            }, {"StreamPrompts": grpc.stream_stream_rpc_method_handler(
                self._stream, prompt_pb.StreamPromptsRequest.FromString, _bytes)}),
            ("PolicyService", {
                "Rollback": (policy_pb.RollbackRequest,
                             lambda _: policy_pb.RollbackResponse(traffic={"active": "a"})),
                "GetPushOffset": (policy_pb.GetPushOffsetRequest, self._offset),
            }, {"PushRevision": grpc.stream_unary_rpc_method_handler(
                self._push, policy_pb.PushRevisionRequest.FromString, _bytes)}),
            ("LogService", {
                "ListDecisions": (log_pb.ListDecisionsRequest, self._page),
            }, {}),
        ]  # fmt: skip

    def _handlers(self, service, unary, streams):
        handlers = dict(streams)
        for name, (request, answer) in unary.items():
            handlers[name] = grpc.unary_unary_rpc_method_handler(
                self._counted(name, answer), request.FromString, _bytes
            )
        return grpc.method_handlers_generic_handler(f"attune.v1.{service}", handlers)

    def _counted(self, name, answer):
        def handle(request, context):
            self.calls.append((name, request))
            self.hold.wait(30)
            if self.faults:
                self.faults.pop(0).abort(context)
            return answer(request)

        return handle

    def _feedback(self, request):
        return prompt_pb.RecordFeedbackResponse(decision_id="0" * 32, reward=request.reward)

    def _page(self, request):
        return self.pages[int(request.page_token or 0)]

    def _stream(self, requests, context):
        """Ends with a fault after as many messages as `break_after` says."""
        for i, message in enumerate(requests):
            if self.break_after and i == self.break_after[0]:
                self.stream_faults.pop(0).abort(context)
            response = prompt_pb.StreamPromptsResponse()
            for call in message.calls:
                result = response.results.add(call_id=call.call_id)
                result.response.CopyFrom(sample_response(call.request))
            yield response

    def _offset(self, _):
        return policy_pb.GetPushOffsetResponse(offset=len(self.stored))

    def _push(self, requests, context):
        """Stores; ends with a fault once `break_after` bytes of a stream are stored."""
        limit = self.break_after.pop(0) if self.break_after else None
        header, taken = next(requests).header, 0
        self.calls.append(("PushRevision", header))
        context.add_callback(self.push_ended.set)
        self.hold_push.wait(30)
        if header.offset != len(self.stored):
            Fault(grpc.StatusCode.OUT_OF_RANGE).abort(context)
        for message in requests:
            if limit is not None and taken >= limit:
                self.stream_faults.pop(0).abort(context)
            self.stored += message.data
            taken += len(message.data)
        revision = {"revision_id": header.digest[:16], "digest": header.digest}
        return policy_pb.PushRevisionResponse(revision=revision)


def _bytes(message):
    return message.SerializeToString()
