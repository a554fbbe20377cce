"""Every template folder is an agent that can run; and adding a folder is all it takes to add one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cronsim import CronSim
from jsonschema import Draft202012Validator

from bots.kit.forms import fields
from bots.kit.words import words
from core.catalog.graph import Node
from core.catalog.kinds import BUILT_IN, Template, load
from core.connectors.manifest import ConnectorManifest
from core.connectors.operations import OPERATIONS
from core.kernel.registry import ManifestBroken, manifests, package_folder
from runners.mail.drafts import Phrases
from runners.skills import skill, skills
from tests.unit.skills.letters import NOW, ZONE, letter
from tests.unit.skills.mailbox import ran

TEMPLATES = load(BUILT_IN, True)
CONNECTORS = {
    manifest.slug: manifest for _, manifest in manifests(package_folder("runners") / "connectors", ConnectorManifest)
}


@pytest.fixture(params=TEMPLATES, ids=str)
def template(request: pytest.FixtureRequest) -> Template:
    return TEMPLATES[request.param]


def problems(template: Template) -> Iterator[str]:
    """What would keep the template's graph from running."""
    by_id = {node.id: node for node in template.manifest.graph.ordered()}
    for node in by_id.values():
        if node.skill not in skills():
            yield f"{node.id}: no skill {node.skill}"
            continue
        given = skill(node.skill).Input
        yield from (f"{node.id}: {node.skill} takes no {name}" for name in set(node.inputs) - set(given.model_fields))
        missing = {name for name, about in given.model_fields.items() if about.is_required()} - set(node.inputs)
        yield from (f"{node.id}: {node.skill} needs {name}" for name in missing)
        yield from _paths(node, by_id, template)


def _paths(node: Node, by_id: dict[str, Node], template: Template) -> Iterator[str]:
    """References into outputs and settings that do not exist."""
    import re

    written = yaml.safe_dump(node.model_dump())
    for name, output in re.findall(r"\b(\w+)(?:\[\])?\.(\w+)", written):
        if name in by_id and output not in skill(by_id[name].skill).Output.model_fields:
            yield f"{node.id}: {name} gives no {output}"
    for setting in re.findall(r"params\.behaviour\.(\w+)", written):
        if setting not in template.manifest.settings["properties"]:
            yield f"{node.id}: no setting {setting}"


def test_the_graph_can_run(template: Template):
    assert list(problems(template)) == []


def test_the_output_is_what_a_run_gives_back(template: Template):
    assert {"proposals", "cursors", "problems", "summary"} <= set(template.manifest.graph.output)


def test_its_tools_exist_and_can_do_what_it_suggests(template: Template):
    for need in template.manifest.tools:
        offering = [each for each in CONNECTORS.values() if each.tool == need.tool]
        assert offering, need.tool
        for operation in need.operations:
            assert any(operation in {each.name for each in connector.operations} for connector in offering), operation
            assert operation in OPERATIONS
        if need.sample:
            assert CONNECTORS[need.sample].tool == need.tool
            assert set(need.operations) <= {each.name for each in CONNECTORS[need.sample].operations}


def test_its_settings_make_a_form_with_defaults_that_are_valid(template: Template):
    schema = template.manifest.settings
    Draft202012Validator.check_schema(schema)
    defaults = {name: each["default"] for name, each in schema["properties"].items() if "default" in each}
    assert list(Draft202012Validator(schema).iter_errors({**defaults, **template.manifest.defaults})) == []
    assert [field.name for field in fields(schema)] == list(schema["properties"])
    assert all(each.get("title") for each in schema["properties"].values())


def test_what_it_does_and_never_does_is_in_the_catalogue(template: Template):
    known = words().codes()
    assert [code for code in (*template.manifest.does, *template.manifest.never) if code not in known] == []


def test_its_schedule_is_a_cron(template: Template):
    if template.manifest.schedule:
        next(CronSim(template.manifest.schedule, NOW))


def test_its_draft_texts_are_whole(template: Template):
    for name, text in template.texts.items():
        if name.startswith("drafts/"):
            Phrases.model_validate(yaml.safe_load(text))
        assert text.strip()


TINY: dict[str, Any] = {
    "version": "0.1.0",
    "name": "Way out",
    "archetype": "generic",
    "description": "Suggests a way out of newsletters, and nothing else.",
    "does": [],
    "never": [],
    "tools": [{"tool": "mail", "reads": True, "operations": ["mail.unsubscribe"], "sample": "sample"}],
    "graph": {
        "nodes": [
            {"id": "read", "skill": "mail.read"},
            {"id": "facts", "skill": "mail.understand", "for_each": "read.mails", "inputs": {"mail": {"$": "item"}}},
            {
                "id": "suggest",
                "skill": "inbox.suggest",
                "inputs": {"connection_id": {"$": "read.connection_id"}, "understood": {"$": "facts"}, "wishes": {"kinds": ["unsubscribe"]}},
            },
        ],
        "output": {
            "proposals": {"$": "suggest.proposals"},
            "cursors": {"$": "read.cursors"},
            "problems": {"$": "suggest.problems"},
            "summary": {"$": "suggest.summary"},
        },
    },
}  # fmt: skip


def _folder(root: Path, manifest: dict[str, Any]) -> Path:
    (root / "way_out").mkdir()
    (root / "way_out" / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return root


def test_a_new_folder_is_a_new_agent(tmp_path: Path):
    tiny = load(_folder(tmp_path, TINY), False)["way_out"]
    assert list(problems(tiny)) == []
    mails = [
        letter("Ten ideas", headers={"List-Unsubscribe": "<mailto:out@news.example>"}),
        letter("Can you send me the file?"),
    ]
    output = ran(tiny, mails, now=NOW, zone=ZONE)
    assert [each["kind"] for each in output["proposals"]] == ["unsubscribe"]


def test_a_template_that_cannot_run_is_refused_with_its_name(tmp_path: Path):
    broken = {**TINY, "graph": {"nodes": [{"id": "read", "skill": "mail.read", "inputs": {"tool": {"$": "nobody.x"}}}]}}
    with pytest.raises(ManifestBroken, match="way_out"):
        load(_folder(tmp_path, broken), False)


def test_a_wrong_skill_input_or_setting_is_named(tmp_path: Path):
    nodes = [
        {"id": "a", "skill": "mail.nothing"},
        {"id": "b", "skill": "mail.read", "inputs": {"colour": "blue", "limit": {"$": "params.behaviour.most"}}},
        {"id": "c", "skill": "mail.understand", "inputs": {}},
        {"id": "d", "skill": "mail.understand", "inputs": {"mail": {"$": "b.letters"}}},
    ]
    broken = load(_folder(tmp_path, {**TINY, "graph": {"nodes": nodes}}), False)["way_out"]
    assert set(problems(broken)) == {
        "a: no skill mail.nothing",
        "b: mail.read takes no colour",
        "b: no setting most",
        "c: mail.understand needs mail",
        "d: b gives no letters",
    }
