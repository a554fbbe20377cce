"""The general skills fit together: a graph of them is accepted when it is made, and runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.catalog.graph import Graph
from core.catalog.graph.check import check
from core.kernel.errors import Invalid
from core.orchestration.ports import Tool
from runners.connectors.http.client import HttpClient
from runners.contracts import contracts
from runners.engine.evaluate import evaluate
from tests.contract.connectors.rigs import place
from tests.emulators.authority import Authority
from tests.emulators.website import HOST, Website, website
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import Contents, Steps, context
from tests.unit.skills.models import FakeModel

URGENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["urgent"],
    "properties": {"urgent": {"type": "boolean"}},
}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Website]:
    with website(Authority(tmp_path / "authority", HOST)) as running:
        orders = b'{"orders": [{"id": 7, "open": true, "text": "A. B."}, {"id": 8, "open": false, "text": "C."}, {"id": 9, "open": true, "text": "D."}]}'
        running.answers["/orders"] = (200, {"Content-Type": "application/json"}, orders)
        yield running


class Platform:
    """The skills of this source tree, as a graph is checked against them."""

    def schemas(self, name: str, version: int | None) -> Any:
        return contracts()[name].input, contracts()[name].output


def _graph(web: Website, **judge: Any) -> Graph:
    nodes: list[dict[str, Any]] = [
        {"id": "read", "skill": "http_request", "inputs": {"url": web.url("/orders"), "connection": "web"}},
        {
            "id": "open",
            "skill": "transform",
            "inputs": {"engine": "jmespath", "expression": "orders[?open]", "data": {"$": "read.json_body"}},
        },
        {
            "id": "judge",
            "skill": "llm",
            "for_each": "open.result",
            "inputs": {
                "prompt": "Is order {{ id }} urgent?",
                "values": {"id": {"$": "item.id"}},
                "material": {"$": "item.text"},
                "output_schema": URGENT,
                **judge,
            },
        },
        {"id": "vote", "skill": "aggregate", "inputs": {"how": "vote", "by": "urgent", "results": {"$": "judge[].answer"}}},
        {"id": "short", "skill": "summarise", "inputs": {"results": {"$": "open.result[].text"}}},
        {
            "id": "close",
            "skill": "http_request",
            "when": "vote.result == true",
            "inputs": {
                "method": "POST",
                "url": web.url("/close"),
                "connection": "web",
                "json_body": {"ids": {"$": "open.result[].id"}},
            },
        },
    ]  # fmt: skip
    return Graph.model_validate(
        {"nodes": nodes, "output": {"proposals": {"$": "close.proposals"}, "short": {"$": "short.result"}}}
    )


def _ran(web: Website, folder: Path, graph: Graph, urgent: bool) -> dict[str, Any]:
    replies = FakeModel(lambda told: {"urgent": urgent} if "urgent" in str(told.schema) else {"text": "Two orders."})
    told = context(now=NOW, blobs=Contents(), model=replies)
    config = {"hosts": HOST, "header": "Authorization", "honours_key": False}
    client = HttpClient(config, {"secret": "Bearer 1"}, place(folder), web.outbound())
    told.tools = {"web": Tool(UUID(int=8), "http", HOST, client, None)}
    output = evaluate(graph, run={"id": "r"}, params={}, context=told, steps=Steps())
    return {**output, "calls": len(told.usage)}


def test_a_graph_of_them_is_accepted_and_runs(web: Website, tmp_path: Path) -> None:
    graph = _graph(web)
    check(graph, Platform())
    output = _ran(web, tmp_path, graph, urgent=True)
    [proposal] = output["proposals"]
    assert proposal["input"]["body"] == '{"ids": [7, 9]}'
    assert (output["short"], output["calls"]) == ("Two orders.", 3)
    assert [path for _, path, _, _ in web.calls] == ["/orders"]


def test_what_is_not_wanted_is_not_proposed(web: Website, tmp_path: Path) -> None:
    assert _ran(web, tmp_path, _graph(web), urgent=False)["proposals"] is None


@pytest.mark.parametrize(
    "wrong", [{"temperature": 3}, {"max_output_tokens": "many"}, {"prompt": {"$": "read.status"}}, {"nonsense": 1}]
)
def test_inputs_that_cannot_be_are_refused_when_the_graph_is_made(web: Website, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        check(_graph(web, **wrong), Platform())
    assert caught.value.data["node"] == "judge"
