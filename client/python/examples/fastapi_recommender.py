# SPDX-License-Identifier: Apache-2.0
"""A recommender backend: asks Attune for the prompt, an LLM for the ranking, and reports
what was clicked.

    ATTUNE_SERVER=localhost:50051 LLM_URL=http://localhost:8000/v1 LLM_MODEL=my-model \\
        uvicorn fastapi_recommender:app

    POST /recommend {"user_id": "user-17",
                     "history":    [{"item_id": "50", "title": "Star Wars (1977)"}],
                     "candidates": [{"item_id": "181", "title": "Return of the Jedi (1983)"},
                                    {"item_id": "258", "title": "Contact (1997)"}]}
    POST /feedback  {"decision": "...", "shown": ["181", "258"], "clicked": ["181"]}

The LLM is any endpoint with OpenAI's chat completions, for instance vLLM's. Users get an
answer whatever is down: without Attune a plain prompt is sent, without the LLM the
candidates stay in the caller's order.

Needs ``pip install client/python fastapi uvicorn httpx`` (in the source tree).
"""

import base64
import contextlib
import logging
import os

import httpx
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

import attune

log = logging.getLogger("recommender")


class Item(BaseModel):
    """What the shop knows of an item."""

    item_id: str
    title: str


class Request(BaseModel):
    """Who is here, and what could be shown."""

    user_id: str = ""
    history: list[Item]
    candidates: list[Item]


class Ranking(BaseModel):
    """What to show, best first. `decision` goes back with the feedback; empty means that
    there is nothing to learn from."""

    item_ids: list[str]
    read: str
    decision: str = ""
    revision: str = ""


class Clicks(BaseModel):
    """What the user saw, and what of it was clicked."""

    decision: str
    shown: list[str]
    clicked: list[str] = []


class Llm:
    """An OpenAI-compatible endpoint."""

    def __init__(self, url, model, timeout=30.0):
        self.model = model
        key = os.environ.get("LLM_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)

    async def answer(self, messages):
        """The text of a chat completion. Raises httpx.HTTPError or ValueError."""
        body = {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": 256}
        response = await self.http.post("chat/completions", json=body)
        response.raise_for_status()
        try:
            return response.json()["choices"][0]["message"]["content"] or ""
        except (KeyError, IndexError, TypeError):
            raise ValueError("no chat completion") from None


def make_app(attune_target, llm_url, llm_model):
    """The service. Connections are made with the event loop and closed with it."""

    @contextlib.asynccontextmanager
    async def connections(app):
        app.state.llm = Llm(llm_url, llm_model)
        async with attune.AsyncClient(attune_target, deadline=0.5, last_known_good=10_000) as made:
            app.state.attune = made
            yield
        await app.state.llm.http.aclose()

    app = FastAPI(lifespan=connections)

    @app.post("/recommend")
    async def recommend(request: Request) -> Ranking:
        history = [item.model_dump() for item in request.history]
        candidates = [item.model_dump() for item in request.candidates]
        try:
            prompt = await app.state.attune.get_prompt(
                history,
                candidates,
                user_id=request.user_id,
                readout=attune.Readout.GENERATE,
                fallback=lambda: attune.plain_prompt(history, candidates),
            )
        except attune.InvalidArgumentError as error:
            raise HTTPException(422, str(error)) from None
        if prompt.is_fallback:
            log.warning("without Attune: %s", prompt.fallback_reason)
        try:
            answer = await app.state.llm.answer(prompt.chat_messages())
        except (httpx.HTTPError, ValueError) as error:
            # A fault of the LLM says nothing of the prompt: no decision, no feedback.
            log.warning("without the LLM: %s", error)
            return Ranking(item_ids=[item.item_id for item in request.candidates], read="no_llm")
        ranked = attune.parse_ranking(prompt, answer)
        return Ranking(
            item_ids=list(ranked.item_ids),
            read=ranked.status.value,
            decision=base64.urlsafe_b64encode(prompt.decision_token).decode(),
            revision=prompt.revision,
        )

    @app.post("/feedback")
    async def feedback(clicks: Clicks) -> dict[str, float]:
        if not clicks.decision:
            raise HTTPException(422, "decision: empty; there is nothing to learn from")
        try:
            token = base64.urlsafe_b64decode(clicks.decision)
            done = await app.state.attune.record_feedback(
                token, ranking=clicks.shown, relevant=clicks.clicked
            )
        except (ValueError, attune.UnauthenticatedError) as error:
            raise HTTPException(422, str(error)) from None
        except attune.AttuneError as error:
            # Safe to send again: the first feedback counts.
            raise HTTPException(503, str(error)) from None
        return {"reward": done.reward}

    return app


def __getattr__(name):
    """`app`, when uvicorn asks for it."""
    if name != "app":
        raise AttributeError(name)
    return make_app(
        os.environ.get("ATTUNE_SERVER", "127.0.0.1:50051"),
        os.environ.get("LLM_URL", "http://127.0.0.1:8000/v1").rstrip("/") + "/",
        os.environ.get("LLM_MODEL", "default"),
    )
