"""The REST application; mounted at `/api`, so that it answers `/api/v1/…` and `/api/openapi.json`."""

from fastapi import Depends, FastAPI

from bots.api import (
    agents,
    connections,
    documents,
    given_up,
    packs,
    policies,
    privacy,
    questions,
    runs,
    schedules,
    skills,
    suggestions,
    teams,
    templates,
    triggers,
    usage,
    versions,
    workflows,
)
from bots.api.problems import RESPONSES, answer_with_problems, readable
from bots.kit.parts import Parts


def make_api(parts: Parts) -> FastAPI:
    """The application over the parts of this process."""
    api = FastAPI(
        title="Nod",
        version="1",
        description="Personal agents that ask first. Send an API key as `Authorization: Bearer …`.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "/api"}],
        dependencies=[Depends(readable)],
    )
    api.state.parts = parts
    answer_with_problems(api, parts.words)
    for topic in (
        templates, agents, versions, skills, packs, workflows, triggers, runs, questions, suggestions, policies, connections, schedules,
        usage, documents, privacy, teams, given_up,
    ):  # fmt: skip
        api.include_router(topic.router, prefix="/v1", responses=RESPONSES)
    return api
