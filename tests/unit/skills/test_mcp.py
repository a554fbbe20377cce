"""Tools of a real MCP server: reading ones are used, writing ones wait for a yes, and nothing that the server says is obeyed."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.connectors import connect as connectors
from core.connectors.kinds import checked_input
from core.connectors.ports import EffectFailed, EffectUnknown, LoginRefused, Place
from core.kernel.errors import Conflict, Failure, Invalid, NotFound, Unavailable
from core.kernel.settings import Settings
from core.orchestration.ports import Tool
from runners.connectors.mcp.client import McpConnection, connect
from runners.engine import execution
from runners.engine import tools as opening
from runners.outbound_http import Outbound
from runners.skills import mcp
from storage import Storage
from tests.emulators.authority import Authority
from tests.emulators.mcpserver import INJECTED, TOKEN, McpServer, mcp_server
from tests.emulators.website import HOST, Website, resolving, website
from tests.runners.world import World, make_world
from tests.unit.skills.mailbox import context

CONNECTION = UUID(int=9)
READING = ("look", "hostile", "long", "wide", "broken")
MCP = mcp.Mcp()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[McpServer]:
    with mcp_server(tmp_path_factory.mktemp("mcp")) as server:
        yield server


@pytest.fixture
def server(running: McpServer) -> McpServer:
    """A server that has done nothing yet."""
    running.reset()
    return running


@contextmanager
def connected(
    url: str,
    folder: Path,
    outbound: Outbound,
    *,
    read_tools: Sequence[str] = READING,
    tools: Sequence[str] | None = None,
    token: str = TOKEN,
) -> Iterator[McpConnection]:
    place = Place(folder / "own", datetime.now(UTC), "Europe/Berlin", "owner@example.org")
    config = {"url": url, "read_tools": list(read_tools)} | ({} if tools is None else {"tools": list(tools)})
    with connect(config, {"token": token} if token else {}, place, outbound) as client:
        yield client


def used(client: Any, name: str, *, dry_run: bool = False, **arguments: Any) -> mcp.Output:
    """What the skill gives back."""
    told = replace(context(now=datetime.now(UTC), dry_run=dry_run), node="use", index=2)
    tools = {"notes": Tool(CONNECTION, "mcp", "Notes", client, None)}
    return MCP.run(replace(told, tools=tools), mcp.Input(tool="notes", name=name, arguments=arguments))


def call(client: McpConnection, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a person approves."""
    return {"tool": tool, "arguments": json.dumps(arguments), "definition": client.offer(tool).definition}


def test_a_tool_that_only_reads_is_used_and_its_words_are_marked_as_a_strangers(
    server: McpServer, tmp_path: Path
) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        output = used(client, "look", word="rain")
    assert (output.called, output.structured, output.proposals) == (True, {"word": "rain", "pages": [1, 2]}, [])
    assert json.loads(output.text) == output.structured
    assert output.influenced_by == [f"Notes of the tests · {HOST}: look"]


def test_a_tool_that_may_write_is_not_used_but_proposed(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        output = used(client, "note", text="Grüße", n=[1, {"b": None}])
    [proposal] = output.proposals
    assert (output.called, output.text, server.effects()) == (False, "", [])
    assert (proposal.type, proposal.operation, proposal.tool) == ("other", "mcp.call", "notes")
    assert json.loads(proposal.input["arguments"]) == {"text": "Grüße", "n": [1, {"b": None}]}
    assert checked_input("mcp", "mcp.call", proposal.input) == proposal.input
    assert (proposal.evidence[0].quote, proposal.influenced_by) == (
        "Writes a note.",
        (f"Notes of the tests · {HOST}: note",),
    )


def test_the_servers_word_alone_makes_no_tool_a_reading_one_nor_does_the_persons(
    server: McpServer, tmp_path: Path
) -> None:
    with connected(server.url, tmp_path, server.outbound(), read_tools=("note", "LOOK")) as client:
        for name, arguments in (("liar", {"word": "a"}), ("note", {"text": "a"}), ("look", {"word": "a"})):
            assert len(used(client, name, **arguments).proposals) == 1
            with pytest.raises(Invalid) as refused:
                client.ask(client.offer(name), arguments)
            assert refused.value.code == "mcp.tool_writes"
    assert server.effects() == []


def test_a_tool_that_is_not_ticked_is_neither_used_nor_proposed(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound(), tools=("note",)) as client:
        for name in ("look", "vanish"):
            with pytest.raises(NotFound) as refused:
                used(client, name, word="a")
            assert refused.value.code == "mcp.tool_not_ticked"
        assert len(used(client, "note", text="a").proposals) == 1
    with connected(server.url, tmp_path, server.outbound(), tools=()) as client, pytest.raises(NotFound):
        used(client, "note", text="a")
    assert server.effects() == []


def test_a_tick_that_is_taken_away_after_the_yes_stops_the_call(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        wanted = call(client, "note", text="a")
    with connected(server.url, tmp_path, server.outbound(), tools=("look",)) as client:
        with pytest.raises(EffectFailed) as refused:
            client.perform("mcp.call", "key-1", wanted)
    assert (refused.value.code, refused.value.lasting, server.effects()) == ("mcp.tool_not_ticked", True, [])


def test_a_check_tells_every_tool_with_what_its_server_says_of_it(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound(), tools=(), read_tools=()) as client:
        told = {tool["name"]: tool for tool in client.check().facts["tools"]}
    assert told["look"] == {"name": "look", "about": "Looks a word up.", "reads": True}
    assert told["note"]["reads"] is False and len(told) == 10


def test_the_same_step_proposes_the_same_and_another_call_another(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        keys = [used(client, "note", text=text).proposals[0].dedupe_key for text in ("a", "a", "b")]
    assert keys[0] == keys[1] != keys[2]


def test_what_a_server_says_is_handed_on_and_not_obeyed(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        output = used(client, "hostile")
    assert output.text == INJECTED.replace("\0", "")
    assert (output.proposals, server.effects()) == ([], [])


def test_long_answers_are_cut_and_huge_ones_not_taken(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        long = used(client, "long", size=150_000)
        wide = used(client, "wide", size=100_000)
        with pytest.raises(Unavailable) as refused:
            used(client, "long", size=3_000_000)
    assert (len(long.text), long.cut) == (mcp.LONGEST_TEXT, True)
    assert (wide.structured, wide.cut) == (None, True)
    assert refused.value.code == "outbound.answer_too_large"


@pytest.mark.parametrize("structured", [{"a": "x\0y"}, {"a": "\ud800"}, {"a": float("nan")}])
def test_values_that_no_row_can_hold_are_left_out(structured: Any) -> None:
    assert mcp._bounded(structured) == (None, True)
    assert mcp._bounded({"a": "\\u0000 🌧"}) == ({"a": "\\u0000 🌧"}, False)


def test_a_tool_that_fails_or_is_not_there_is_said(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        with pytest.raises(Invalid) as failed:
            used(client, "broken")
        with pytest.raises(NotFound) as missing:
            used(client, "nothing")
    assert failed.value.code == "mcp.tool_said_no"
    assert "no such page" in failed.value.data["said"]
    assert missing.value.code == "mcp.tool_unknown"


def test_another_connection_in_the_role_is_refused() -> None:
    told = replace(context(now=datetime.now(UTC)), tools={"mail": Tool(CONNECTION, "imap", "a", None, None)})  # type: ignore[arg-type]
    for tool, code in (("mail", "mcp.wrong_connection"), ("notes", "orchestration.tool_missing")):
        with pytest.raises(Failure) as refused:
            MCP.run(told, mcp.Input(tool=tool, name="look"))
        assert refused.value.code == code


def test_a_wrong_key_is_a_refused_login(server: McpServer, tmp_path: Path) -> None:
    for token in ("wrong", ""):
        with connected(server.url, tmp_path, server.outbound(), token=token) as client:
            for work in (client.check, lambda: used(client, "look", word="a")):
                with pytest.raises(LoginRefused):
                    work()


def test_a_server_that_is_away_is_said_and_what_was_done_is_still_known(tmp_path: Path) -> None:
    with mcp_server(tmp_path / "server") as away:
        with connected(away.url, tmp_path, away.outbound()) as client:
            wanted = call(client, "note", text="a")
            done = client.perform("mcp.call", "key-1", wanted)
        away.stop()
        with connected(away.url, tmp_path, away.outbound()) as client:
            with pytest.raises(Unavailable):
                used(client, "look", word="a")
            with pytest.raises(EffectFailed) as failed:
                client.perform("mcp.call", "key-2", wanted)
            assert client.find("mcp.call", "key-1", wanted) == done
            assert client.find("mcp.call", "key-2", wanted) == "unclear"
    assert (failed.value.code, failed.value.lasting) == ("outbound.unreachable", False)


def test_a_call_that_did_not_reach_the_server_was_surely_not_made(tmp_path: Path) -> None:
    with mcp_server(tmp_path / "server") as away:
        with connected(away.url, tmp_path, away.outbound()) as client:
            wanted = call(client, "note", text="a")
            away.stop()
            with pytest.raises(EffectFailed) as failed:
                client.perform("mcp.call", "key-1", wanted)
    assert (failed.value.code, failed.value.lasting) == ("outbound.unreachable", False)


def test_a_call_that_the_server_refused_before_the_tool_ran_was_surely_not_made(
    server: McpServer, tmp_path: Path
) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client, pytest.raises(EffectFailed) as failed:
        client.perform("mcp.call", "key-1", call(client, "picky"))
    assert (failed.value.code, failed.value.lasting) == ("mcp.call_refused", True)
    assert "a page is missing" in failed.value.data["said"]


def test_silence_after_the_call_is_unknown_and_the_call_is_not_made_again(tmp_path: Path) -> None:
    with mcp_server(tmp_path / "server") as server:
        with connected(server.url, tmp_path, server.outbound()) as client, pytest.raises(EffectUnknown) as unknown:
            client.perform("mcp.call", "key-1", call(client, "vanish", text="a"))
        assert unknown.value.code == "outbound.cut_off"
        assert [effect["tool"] for effect in server.effects()] == ["vanish"]


def test_a_tool_that_fails_halfway_is_unknown(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client, pytest.raises(EffectUnknown) as unknown:
        client.perform("mcp.call", "key-1", call(client, "half", text="a"))
    assert (unknown.value.code, len(server.effects())) == ("mcp.tool_failed", 1)
    assert "the paper ran out" in unknown.value.data["said"]


def test_a_tool_that_changed_since_the_yes_is_not_used(server: McpServer, tmp_path: Path) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client:
        wanted = call(client, "note", text="a")
    server.describe_anew("Sends money.")
    with connected(server.url, tmp_path, server.outbound()) as client, pytest.raises(EffectFailed) as failed:
        client.perform("mcp.call", "key-1", wanted)
    assert (failed.value.code, failed.value.lasting, server.effects()) == ("mcp.tool_changed", True, [])


@pytest.mark.parametrize("arguments", ["", "[1]", "{", "[" * 100_000, '"x"'])
def test_arguments_that_are_no_object_are_refused(server: McpServer, tmp_path: Path, arguments: str) -> None:
    with connected(server.url, tmp_path, server.outbound()) as client, pytest.raises(EffectFailed) as failed:
        client.perform("mcp.call", "key-1", call(client, "note") | {"arguments": arguments})
    assert (failed.value.lasting, server.effects()) == (True, [])


def test_no_address_leads_inside(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        inside = Outbound(resolver=resolving("127.0.0.1"))
        for url in (
            f"https://127.0.0.1:{port}/mcp", "https://127.0.0.1/mcp", "https://[::1]/mcp", "https://169.254.169.254/mcp",
            "https://10.0.0.1/mcp", "https://notes.example/mcp", f"https://notes.example:{port}/mcp",
        ):  # fmt: skip
            with connected(url, tmp_path, inside) as client, pytest.raises(Failure) as refused:
                client.check()
            assert refused.value.code in ("outbound.address_refused", "outbound.port_refused"), url
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Website]:
    """A web site that is no MCP server, or a hostile one."""
    with website(Authority(tmp_path / "web", HOST)) as running:
        yield running


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<h1>Hello</h1>"),
        (200, {"Content-Type": "application/json"}, b"[" * 100_000),
        (200, {"Content-Type": "application/json"}, b'{"jsonrpc": "2.0", "id": 1, "result": {}}'),
        (200, {"Content-Type": "application/json"}, b"\x00\xff"),
        (200, {"Content-Type": "text/event-stream"}, b"data: {}\n\n" * 50_000),
        (200, {"Content-Type": "text/event-stream", "Mcp-Session-Id": "a b"}, b"id: 1\nretry: 1\ndata: \n\n"),
        (202, {}, b""),
        (500, {}, b"stack trace"),
        (302, {"Location": "https://127.0.0.1/"}, b""),
        (307, {"Location": "/elsewhere"}, b""),
    ],
)
def test_an_answer_that_makes_no_sense_is_said_within_seconds(
    site: Website, tmp_path: Path, answer: tuple[int, dict[str, str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.connectors.mcp.server.SECONDS", 3.0)
    site.answers["/mcp"] = answer
    began = time.monotonic()
    with connected(site.url("/mcp"), tmp_path, site.outbound()) as client, pytest.raises(Failure) as refused:
        client.check()
    assert refused.value.code in ("mcp.no_answer", "mcp.call_refused")
    assert time.monotonic() - began < 10


def test_packed_and_dripping_answers_are_refused(site: Website, tmp_path: Path) -> None:
    site.answers["/mcp"] = (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"x")
    for path, seconds, code in (("/mcp", 5.0, "outbound.encoding_refused"), ("/drip", 1.0, "outbound.cut_off")):
        with connected(site.url(path), tmp_path, site.outbound(seconds=seconds)) as client:
            with pytest.raises(Failure) as refused:
                client.check()
        assert refused.value.code == code


def test_the_key_goes_to_the_server_only_and_into_no_words(site: Website, tmp_path: Path) -> None:
    site.answers["/mcp"] = (307, {"Location": "https://elsewhere.example/mcp"}, b"")
    with connected(site.url("/mcp"), tmp_path, site.outbound()) as client:
        with pytest.raises(Failure) as refused:
            client.check()
        said = repr(vars(client)) + repr(refused.value) + repr(refused.value.data)
    assert TOKEN not in said
    assert {headers["authorization"] for _, _, headers, _ in site.calls} == {f"Bearer {TOKEN}"}
    assert {headers["host"] for _, _, headers, _ in site.calls} == {f"{HOST}:{site.port}"}


@pytest.fixture
def world(
    storage: Storage, settings: Settings, server: McpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A person with an agent that has the server as its tool `notes`, and a worker's parts in this process."""
    world = make_world(storage, settings, tmp_path)
    with world.work() as work:
        values = {"url": server.url, "read_tools": list(READING), "token": TOKEN}
        connection = connectors.connect(work, world.actor, "mcp", "Notes", values)
        agent = work.agents.get(world.agent_id)
        agent.template = "blank"
        agent.config = agent.config.model_copy(update={"tools": {**agent.config.tools, "notes": connection.id}})
        work.commit()
    for module in (execution, opening):
        monkeypatch.setattr(module, "storage", lambda: storage)
    monkeypatch.setattr(opening, "connection_folder", lambda connection_id: tmp_path / str(connection_id))
    monkeypatch.setattr("runners.connectors.mcp.client.Outbound", lambda seconds: server.outbound(seconds=seconds))
    world.tools["notes"] = connection.id
    return world


def test_a_proposed_call_is_made_once_after_the_yes_and_never_before(world: World, server: McpServer) -> None:
    actor = world.actor
    with world.work() as work:
        given = opening.access(work, world.tools["notes"])
    with opening.opened(given) as client:
        [proposal] = used(client, "note", text="hello").proposals
    suggestion = world.suggest(proposal)
    assert server.effects() == []
    done = world.approve(suggestion)
    for _ in range(3):
        execution.carry_out(actor.workspace_id, actor.user_id, done.id)
    assert server.effects() == [{"tool": "note", "text": "hello"}], world.execution(suggestion)
    ended = world.execution(suggestion)
    assert (ended.status, ended.result) == ("succeeded", {"answer": "noted 1"})


def test_a_call_that_fell_silent_is_unknown_until_a_person_says(world: World, server: McpServer) -> None:
    actor = world.actor
    with world.work() as work:
        given = opening.access(work, world.tools["notes"])
    with opening.opened(given) as client:
        [proposal] = used(client, "half", text="hello").proposals
    suggestion = world.suggest(proposal)
    done = world.approve(suggestion)
    execution.carry_out(actor.workspace_id, actor.user_id, done.id)
    execution.look_up(actor.workspace_id, actor.user_id, done.id)
    execution.carry_out(actor.workspace_id, actor.user_id, done.id)
    assert world.execution(suggestion).status == "unknown"
    assert len(server.effects()) == 1


def test_a_refused_login_expires_the_connection(world: World, server: McpServer) -> None:
    with world.work() as work:
        connection = work.connections.get(world.tools["notes"])
        work.connections.keep_secrets(connection, {"token": "revoked"})
        work.commit()
    with world.work() as work:
        given = opening.access(work, connection.id)
    with pytest.raises(Conflict) as refused, opening.opened(given) as client:
        client.check()
    assert refused.value.code == "connectors.login_refused"
    with world.work() as work:
        assert work.connections.get(connection.id).status == "expired"
