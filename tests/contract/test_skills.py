"""Every skill that the registry finds keeps to the same contract."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.catalog.kinds import BUILT_IN
from core.kernel.errors import NotFound
from runners.skills import SkillTwice, found_in, skill, skills
from tests.unit.skills.letters import NOW, letter
from tests.unit.skills.mailbox import Contents, Mailbox, Remembered, context

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
        "noop": {"value": {"a": [1, None]}},
        "mail.read": {},
        "mail.understand": {"mail": read.mails[0].model_dump()},
        "inbox.suggest": suggest,
        "mail.draft": {"draft": drafts[0].model_dump(), "texts": texts},
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_output(name: str):
    inputs = _inputs()[name]
    outputs = []
    for _ in range(2):
        blobs = Contents()
        blobs.put(MAIL.raw)
        told = context(now=NOW, mailbox=Mailbox([MAIL]), blobs=blobs, memory=Remembered())
        outputs.append(skill(name).run(told, skill(name).Input.model_validate(inputs)).model_dump(mode="json"))
    assert outputs[0] == outputs[1]
    assert skill(name).Output.model_validate(outputs[0]).model_dump(mode="json") == outputs[0]


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

    heavy = {"bs4", "icalendar", "py3langid", "numpy", "pydantic_ai", "openai", "anthropic", "babel"}
    script = "import sys; from runners.skills import skills; skills(); import runners.models; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert heavy & set(loaded) <= {"babel"}
