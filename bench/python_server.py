#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GetPrompt the way a Python service would answer it: grpc.aio, numpy or torch.

usage: python_server.py ARTIFACT GENERATED_DIR numpy|torch

Serves the same revision as attune_server: looks the items up, folds the history in,
runs the agents' heads, samples, renders and signs. It leaves out what it does not
need to be compared (validation, sanitizing, metrics, log, limits). Prints its port
as attune_server does.
"""
import asyncio
import hashlib
import hmac
import json
import os
import random
import struct
import sys
import time

import numpy as np

sys.path.insert(0, sys.argv[2])
import grpc  # noqa: E402
from attune.v1 import prompt_service_pb2 as pb  # noqa: E402
from attune.v1 import revision_pb2  # noqa: E402

KEY = b"k" * 32

class Revision:
    """Tensors, string tables and manifest of an artifact."""

    def __init__(self, path):
        data = open(path, "rb").read()
        size, = struct.unpack_from("<Q", data, 8)
        self.id = hashlib.sha256(data).hexdigest()[:16]
        self.manifest = revision_pb2.RevisionManifest.FromString(data[16:16 + size])
        payload = memoryview(data)[(16 + size + 63) // 64 * 64:]
        self.tensors = {}
        for t in self.manifest.tensors:
            count = int(np.prod(t.shape))
            self.tensors[t.name] = np.frombuffer(
                payload, np.float32, count, t.offset).reshape(list(t.shape) + [1] * (2 - len(t.shape)))
        self.strings = {}
        for s in self.manifest.string_tables:
            ends = np.frombuffer(payload, np.uint64, s.size + 1, s.offset)
            base = s.offset + 8 * (s.size + 1)
            self.strings[s.name] = [
                bytes(payload[base + int(a):base + int(b)]).decode()
                for a, b in zip(ends[:-1], ends[1:])]
        self.row_of = {id_: i for i, id_ in enumerate(self.strings["item_ids"])}


class NumpyHeads:
    def __init__(self, revision, patterns):
        t = revision.tensors
        self.options = t["option_embeddings"]
        self.projected = self.options @ t["option_projection"].T
        self.projected /= np.sqrt(self.projected.shape[1])
        self.heads = [[t[f"head.{p}.{n}"] for n in ("w1", "c1", "w2", "c2", "bias")]
                      for p in patterns]

    def probabilities(self, k, state, earlier, offset):
        w1, c1, w2, c2, bias = self.heads[k]
        hidden = np.maximum(w1 @ np.concatenate([state, earlier]) + c1[:, 0], 0)
        logits = self.projected[offset:offset + len(bias)] @ (w2 @ hidden + c2[:, 0]) + bias[:, 0]
        p = np.exp(logits - logits.max())
        return 0.95 * p / p.sum() + 0.05 / len(bias)


class TorchHeads:
    def __init__(self, revision, patterns):
        import torch
        torch.set_num_threads(1)
        self.torch = torch
        base = NumpyHeads(revision, patterns)
        self.options = base.options
        self.projected = torch.tensor(base.projected)
        self.heads = [[torch.tensor(np.array(x)) for x in head] for head in base.heads]

    def probabilities(self, k, state, earlier, offset):
        torch = self.torch
        w1, c1, w2, c2, bias = self.heads[k]
        with torch.inference_mode():
            x = torch.from_numpy(np.concatenate([state, earlier]))
            hidden = torch.relu(torch.addmv(c1[:, 0], w1, x))
            score = torch.addmv(c2[:, 0], w2, hidden)
            logits = torch.addmv(bias[:, 0], self.projected[offset:offset + len(bias)], score)
            return (0.95 * torch.softmax(logits, 0) + 0.05 / len(bias)).numpy()


class Policy:
    def __init__(self, revision, catalog, heads):
        self.revision, self.catalog, self.heads = revision, catalog, heads
        counts = [len(p["options"]) for p in catalog["patterns"]]
        self.offsets = np.concatenate([[0], np.cumsum(counts)[:-1]]).tolist()
        self.embeddings = revision.tensors["item_embeddings"]
        self.popularity = revision.tensors["item_popularity"][:, 0]
        self.inputs = revision.tensors["head.history.w1"].shape[1] - self.heads.options.shape[1]

    def encode(self, history, candidates):
        rows = [self.revision.row_of.get(i.item_id, -1) for i in history]
        known = self.embeddings[[r for r in rows if r >= 0]]
        weights = 0.9 ** np.arange(len(known))[::-1]
        user = (weights[:, None] * known).sum(0) / weights.sum()
        offered = self.embeddings[[max(0, self.revision.row_of.get(c.item_id, 0)) for c in candidates]]
        scores = offered @ user
        norm = np.linalg.norm(user)
        unit = known / np.linalg.norm(known, axis=1, keepdims=True)
        cosine = scores / (norm * np.linalg.norm(offered, axis=1))
        ordered = np.sort(scores)
        state = np.zeros(self.inputs, np.float32)
        d = len(user)
        state[:d] = user / norm
        state[d] = np.log1p(len(history))
        state[d + 1:d + 4] = np.quantile(self.popularity[rows], [.25, .5, .75])
        n = len(known)
        state[d + 4] = (np.square(unit.sum(0)).sum() - n) / (n * (n - 1))
        state[d + 7:d + 9] = cosine.mean(), cosine.max()
        state[d + 12] = ordered[-1] - ordered[-2]
        state[d + 13] = scores.std()
        return state, user, scores

    def decide(self, state, rng):
        earlier = np.zeros(self.heads.options.shape[1], np.float32)
        chosen = []
        for k, offset in enumerate(self.offsets):
            p = self.heads.probabilities(k, state, earlier, offset)
            option = min(int(np.searchsorted(np.cumsum(p), rng.random())), len(p) - 1)
            chosen.append((option, float(p[option])))
            earlier = earlier + self.heads.options[offset + option]
        return chosen

    def render(self, request, chosen, user, scores, out):
        options = [p["options"][c[0]] for p, c in zip(self.catalog["patterns"], chosen)]
        order = list(range(len(request.candidates)))
        random.shuffle(order)
        length = options[0]["length"]
        system = out.messages.add(role="system")
        system.segments.add(kind=1, source="instruction", text=options[3]["text"] or "You help.")
        user_message = out.messages.add(role="user")
        user_message.segments.add(kind=1, source="instruction", text="I recently watched: ")
        user_message.segments.add(kind=2, source="history",
                                  text=", ".join(i.title for i in request.history[-length:]))
        hint = options[1]
        if hint["source"] == "candidates":
            best = np.argsort(-scores)[:hint["count"]]
            titles = [request.candidates[int(i)].title for i in best]
        elif hint["source"] == "neighbours":
            best = np.argpartition(-(self.embeddings @ user), hint["count"])[:hint["count"]]
            titles = [self.revision.strings["item_titles"][int(i)] for i in best]
        else:
            titles = []
        if titles:
            user_message.segments.add(kind=1, source="instruction", text=hint["text"])
            user_message.segments.add(kind=2, source="hint", text=", ".join(titles))
        user_message.segments.add(kind=1, source="instruction", text="\n" + options[2]["text"])
        out.messages.add(role="assistant").segments.add(
            kind=1, source="instruction", text="The best movie for you to watch next is")
        for position, c in enumerate(order):
            out.answer.labels.append(chr(65 + position))
            out.answer.displayed_item_ids.append(request.candidates[c].item_id)
            out.answer.displayed_titles.append(request.candidates[c].title)
        out.answer.readout = 3
        out.answer.prior_prefix = "A movie:"
        for pattern, option, (index, p) in zip(self.catalog["patterns"], options, chosen):
            out.choice.patterns.add(pattern=pattern["name"], option_id=option["id"],
                                    option=index, probability=p)
        out.choice.history_length = length

    def answer(self, request):
        out = pb.GetPromptResponse(revision=self.revision.id)
        state, user, scores = self.encode(request.history, request.candidates)
        chosen = self.decide(state, random)
        self.render(request, chosen, user, scores, out)
        decision_id = os.urandom(16)
        ids = hashlib.sha256("".join(sorted(c.item_id for c in request.candidates)).encode())
        claims = decision_id + struct.pack("<q", int(time.time())) + ids.digest()[:16] + b"".join(
            struct.pack("<Bf", o, p) for o, p in chosen)
        out.decision_id = decision_id.hex()
        out.decision_token = claims + hmac.digest(KEY, claims, "sha256")
        out.expire_time.seconds = int(time.time()) + 86400
        return out


def catalog_of(manifest):
    """The patterns and options, as far as rendering needs them."""
    import re
    catalog = {"patterns": []}
    for line in manifest.catalog_yaml.splitlines():
        name = re.match(r"  - name: (\w+)", line)
        option = re.match(r"\s+- (?:\{ )?id: (\w+)", line)
        if name:
            catalog["patterns"].append({"name": name.group(1), "options": []})
        elif option:
            field = {k: v for k, v in re.findall(r"(\w+): (\"[^\"]*\"|[\w.]+)", line)}
            catalog["patterns"][-1]["options"].append({
                "id": option.group(1), "length": int(field.get("length", 5)),
                "source": field.get("source", "none"), "count": int(field.get("count", 1)),
                "text": field.get("text", "\"\"").strip("\"")})
    return catalog


async def main():
    revision = Revision(sys.argv[1])
    catalog = catalog_of(revision.manifest)
    heads = {"numpy": NumpyHeads, "torch": TorchHeads}[sys.argv[3]](
        revision, [p["name"] for p in catalog["patterns"]])
    policy = Policy(revision, catalog, heads)

    async def get_prompt(request, context):
        return policy.answer(request)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "attune.v1.PromptService", {"GetPrompt": grpc.unary_unary_rpc_method_handler(
            get_prompt, request_deserializer=pb.GetPromptRequest.FromString,
            response_serializer=pb.GetPromptResponse.SerializeToString)}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"data_port": port}), flush=True)
    await server.wait_for_termination()


asyncio.run(main())
