#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Attune Authors
"""A llama.cpp server on a free loopback port, for tests.

Usage: llama_server.py MODEL.gguf

Prints the port on a line of its own and serves until stdin is closed, so that
it never outlives the test that started it. Needs the package xllamacpp.
"""
import os
import sys
import urllib.parse


def main() -> int:
    # llama.cpp writes to file descriptor 1; the port has it to itself.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 4096
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # Equal prompts give equal answers whatever was asked before.
    params.cache_prompt = False
    params.ui = False
    server = xllamacpp.Server(params)
    print(urllib.parse.urlsplit(server.listening_address).port, file=out, flush=True)
    sys.stdin.buffer.read()
    del server
    out.flush()
    # The server's threads have no clean end of their own.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
