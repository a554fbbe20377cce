"""Every skill that the registry finds keeps to the same contract."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from core.catalog.kinds import BUILT_IN
from core.connectors.ports import Place
from core.kernel.errors import NotFound
from core.orchestration.ports import Tool, Waits
from runners.connectors.http.client import HttpClient
from runners.connectors.mcp.client import connect as connect_mcp
from runners.outbound_http import Outbound
from runners.skills import SkillTwice, found_in, skill, skills
from tests.emulators.mcpserver import TOKEN, mcp_server
from tests.unit.skills.letters import NOW, letter
from tests.unit.skills.mailbox import Contents, Mailbox, Remembered, context
from tests.unit.skills.models import FakeModel

NAMES = sorted(skills())
MAIL = letter("Hi Sam,\n\ncan you send me the file by Friday?\n\nAnna", id="<q@x.example>")


@pytest.mark.parametrize("name", NAMES)
def test_a_skill_is_in_a_file_of_its_name(name: str):
    module = skills()[name].__module__
    assert module == (f"runners.skills.builtin.{name.replace('.', '_')}" if "." in name else f"runners.skills.{name}")
    assert [other for other in NAMES if skills()[other].__module__ == module] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs_have_json_schemas(name: str):
    for model in (skill(name).Input, skill(name).Output):
        schema = model.model_json_schema()
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"


@pytest.mark.parametrize("name", NAMES)
def test_a_skill_says_what_it_is_for(name: str):
    assert (skill(name).Input.__doc__ or "").strip()
    assert (skills()[name].run.__doc__ or "").strip()


def _inputs() -> dict[str, Any]:
    """What each skill is called with: the outputs of the one before."""
    told = context(now=NOW, mailbox=Mailbox([MAIL]), blobs=Contents())
    read = skill("mail.read").run(told, skill("mail.read").Input())
    understood = skill("mail.understand").run(told, skill("mail.understand").Input(mail=read.mails[0]))
    suggest: Any = {"connection_id": read.connection_id, "understood": [understood.model_dump()]}
    drafts = skill("inbox.suggest").run(told, skill("inbox.suggest").Input(**suggest)).drafts
    texts = {"drafts/en.yaml": (BUILT_IN / "inbox" / "drafts" / "en.yaml").read_text("utf-8")}
    return {
        "agent": {"agent": str(UUID(int=5)), "input": {"a": 1}},
        "aggregate": {"how": "vote", "results": ["a", "b", "a"]},
        "ask": {"question": "Shall I?", "choices": [{"value": "yes", "label": "Yes"}]},
        "code": {"source": "sorted(inputs['n'])", "inputs": {"n": [2, 1]}},
        "http_request": {"method": "POST", "url": "https://shop.example/x", "json_body": [1], "connection": "web"},
        "llm": {"prompt": "Sum up for {{ name }}.", "values": {"name": "Sam"}, "material": MAIL.raw.decode()},
        "mcp": {"name": "note", "arguments": {"text": "hello"}},
        "noop": {"value": {"a": [1, None]}},
        "summarise": {"results": ["The roof leaks. It rains.", {"text": "A roofer comes."}]},
        "transform": {"engine": "cel", "expression": "data.map(n, n + 1)", "data": [1, 2]},
        "mail.read": {},
        "mail.understand": {"mail": read.mails[0].model_dump()},
        "inbox.suggest": suggest,
        "mail.draft": {"draft": drafts[0].model_dump(), "texts": texts},
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_output(name: str, tmp_path: Path, request: pytest.FixtureRequest):
    inputs = _inputs()[name]
    more = {"mcp": request.getfixturevalue("notes")} if name == "mcp" else {}
    once, again = (_ran(name, inputs, tmp_path, more) for _ in range(2))
    assert once == again
    if isinstance(once, dict):
        assert skill(name).Output.model_validate(once).model_dump(mode="json") == once


@pytest.mark.parametrize("name", [name for name in NAMES if getattr(skills()[name], "quick", False)])
def test_a_quick_skill_needs_nothing_but_its_input(name: str):
    bare: Any = None
    skill(name).run(bare, skill(name).Input.model_validate(_inputs()[name]))


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Tool]:
    """A real server of tools."""
    place = Place(tmp_path / "mcp", NOW, "UTC", "sam@home.example")
    with mcp_server(tmp_path / "server") as server:
        config = {"url": server.url, "read_tools": []}
        with connect_mcp(config, {"token": TOKEN}, place, server.outbound()) as client:
            yield Tool(UUID(int=9), "mcp", "Notes", client, None)


def _ran(name: str, inputs: dict[str, Any], folder: Path, more: dict[str, Tool]) -> Any:
    """The skill's outputs as JSON, or what it waits for."""
    blobs = Contents()
    blobs.put(MAIL.raw)
    model: Any = FakeModel(lambda told: {"text": "The roof leaks."})
    told = context(now=NOW, mailbox=Mailbox([MAIL]), blobs=blobs, memory=Remembered(), model=model)
    service = {"hosts": "shop.example", "header": "Authorization", "honours_key": False}
    web = HttpClient(service, {"secret": "Bearer 1"}, Place(folder, NOW, "UTC", "sam@home.example"), Outbound())
    told.tools = {**told.tools, "web": Tool(UUID(int=8), "http", "shop.example", web, None), **more}
    try:
        return skill(name).run(told, skill(name).Input.model_validate(inputs)).model_dump(mode="json")
    except Waits as waits:
        return waits.kind, waits.until, waits.data


def test_an_unknown_skill_is_named():
    with pytest.raises(NotFound) as caught:
        skill("mail.nothing")
    assert caught.value.data == {"skill": "mail.nothing"}


def test_two_skills_of_one_name_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = (
        "from pydantic import BaseModel\nclass Shape(BaseModel):\n    pass\n"
        "class One:\n    name = 'x.y'\n    Input = Shape\n    Output = Shape\n    def run(self, context, inputs):\n        return inputs\n"
    )
    package = tmp_path / "doubled_skills"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(found_in("doubled_skills")) == ["x.y"]
    (package / "two.py").write_text(source)
    with pytest.raises(SkillTwice, match=r"x\.y"):
        found_in("doubled_skills")


def test_importing_the_registry_loads_no_heavy_library():
    import subprocess
    import sys

    heavy = {"bs4", "icalendar", "py3langid", "numpy", "pydantic_ai", "openai", "anthropic", "babel", "jinja2", "httpx",
             "httpx2", "mcp_types", "pydantic_monty"}  # fmt: skip
    script = "import sys; from runners.skills import skills; skills(); import runners.models; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert heavy & set(loaded) <= {"babel"}
