"""A workspace as YAML, both ways: the same text makes the same things, once, and every refusal says where and why."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bots.kit.contracts import contracts
from core.catalog.configure import create_agent
from core.catalog.skills import archive_skill
from core.connectors.connect import connect
from core.kernel.actor import Actor
from core.kernel.errors import Failure
from core.workflows.documents import Applied, apply_document, export_document, plan_changes
from core.workflows.documents.reading import read
from core.workflows.documents.writing import write
from storage import Storage
from tests.databases import somebody

EVERYTHING = (Path(__file__).parent / "everything.yaml").read_text("utf-8")


@pytest.fixture
def me(storage: Storage) -> Actor:
    return somebody(storage)


def apply(storage: Storage, actor: Actor, text: str, *, commit: bool = True) -> Applied:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        applied = apply_document(work, actor, contracts(), text)
        if commit:
            work.commit()
    return applied


def export(storage: Storage, actor: Actor) -> str:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return export_document(work, actor)


def counts(storage: Storage, actor: Actor) -> dict[str, int]:
    """How many rows of everything that a document could make, and how many events."""
    from sqlalchemy import text

    tables = ("agents", "agent_versions", "skills", "skill_versions", "packs", "workflows", "workflow_versions",
              "triggers", "connections", "events")  # fmt: skip
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return {t: work._t.connection.execute(text(f"SELECT count(*) FROM nod.{t}")).scalar_one() for t in tables}


def hows(applied: Applied) -> set[str]:
    return {each.how for each in applied.changes}


def test_an_export_applied_to_an_empty_workspace_exports_the_same_text(storage: Storage, me: Actor) -> None:
    first = apply(storage, me, EVERYTHING)
    assert hows(first) == {"added"}
    text = export(storage, me)
    assert {document["kind"] for document in yaml.safe_load_all(text)} == {
        "skill",
        "agent",
        "pack",
        "workflow",
        "trigger",
    }
    other = somebody(storage)
    apply(storage, other, text)
    assert export(storage, other) == text
    assert str(me.user_id) not in text and "whsec_" not in text


def test_applying_twice_changes_nothing(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    before = counts(storage, me)
    for text in (EVERYTHING, export(storage, me)):
        again = apply(storage, me, text)
        assert hows(again) == {"unchanged"} and not again.secrets and not again.differs
    assert counts(storage, me) == before


def test_a_dry_run_tells_what_differs_and_changes_nothing(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    before, text = counts(storage, me), export(storage, me)
    edited = EVERYTHING.replace("every: 7", "every: 8").replace('"0 8 * * 1-5"', '"0 9 * * 1-5"')
    with storage.work(me.workspace_id, me.user_id) as work:
        planned = plan_changes(work, me, contracts(), edited)
    told = {(each.kind, each.name): each.changes for each in planned if each.how == "changed"}
    assert set(told) == {("agent", "Adds one"), ("trigger", "Mornings")}
    (setting,) = told["agent", "Adds one"]
    assert (setting.place, setting.how, setting.old, setting.new) == ("settings.every", "changed", 7, 8)
    (cron,) = told["trigger", "Mornings"]
    assert (cron.place, cron.old, cron.new) == ("cron", "0 8 * * 1-5", "0 9 * * 1-5")
    assert counts(storage, me) == before and export(storage, me) == text


GONE = """kind: trigger
workflow: Offer
type: schedule
name: Mornings
status: removed
"""


def test_a_trigger_goes_where_a_file_says_so_and_a_dry_run_names_it(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    before, text = counts(storage, me), export(storage, me)
    gone = GONE.replace("workflow: Offer", _target_of_mornings(text))
    planned = apply(storage, me, gone, commit=False)
    (told,) = planned.changes
    assert (told.kind, told.name, told.how) == ("trigger", "Mornings", "removed") and planned.differs
    assert ("cron", "removed", "0 8 * * 1-5") in [(c.place, c.how, c.old) for c in told.changes]
    assert counts(storage, me) == before and export(storage, me) == text
    assert hows(apply(storage, me, gone)) == {"removed"}
    left = export(storage, me)
    assert "Mornings" not in left and "status: removed" not in left
    events = counts(storage, me)["events"]
    assert hows(apply(storage, me, gone)) == {"unchanged"}, "twice is once"
    assert counts(storage, me)["events"] == events
    other = somebody(storage)
    apply(storage, other, left)
    assert export(storage, other) == left
    assert hows(apply(storage, me, EVERYTHING)) == {"added", "unchanged"}
    assert export(storage, me) == text


def test_what_a_file_does_not_name_stays_triggers_too(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    text = export(storage, me)
    without = "---\n".join(part for part in text.split("---\n") if "kind: trigger" not in part)
    assert hows(apply(storage, me, without)) == {"unchanged"}
    assert export(storage, me) == text


def _target_of_mornings(text: str) -> str:
    (one,) = [d for d in yaml.safe_load_all(text) if d["kind"] == "trigger" and d["name"] == "Mornings"]
    kind = next(kind for kind in ("agent", "pack", "workflow") if kind in one)
    return f"{kind}: {one[kind]}"


def test_all_is_made_or_nothing(storage: Storage, me: Actor) -> None:
    before = counts(storage, me)
    with pytest.raises(Failure) as refused:
        apply(storage, me, EVERYTHING + "---\nkind: pack\nname: Broken\nagents: [Nobody]\n")
    assert refused.value.code == "workflows.document_name_unknown"
    assert counts(storage, me) == before


def test_a_new_webhooks_secret_is_told_once(storage: Storage, me: Actor) -> None:
    (told,) = apply(storage, me, EVERYTHING).secrets
    assert told.trigger == "Adds one" and told.secret.startswith("whsec_")
    assert told.secret not in export(storage, me)


AGENT = "kind: agent\nname: A\ngraph:\n  nodes:\n    - id: one\n      skill: noop\n"
REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("a: [1\n", "workflows.document_broken", {"line": 2}),
    ("kind: agent\nname: !!python/name:os.system x\n", "workflows.document_tag", {"line": 2}),
    ("kind: agent\nname: &a x\ntemplate: *a\n", "workflows.document_alias", {"line": 2}),
    ("kind: agent\nname: x\nname: y\n", "workflows.document_key_twice", {"line": 3, "key": "name"}),
    ("kind: agent\n? [a]\n: b\n", "workflows.document_key_wrong", {"line": 2}),
    ("kind: agent\nname: \"\\0\"\n", "workflows.document_value_wrong", {"line": 2}),
    ("a: 99999999999999999999\n", "workflows.document_value_wrong", {"line": 1}),
    ("a: " + "[" * 300, "workflows.document_too_deep", {"line": 1}),
    ("a: [" + "1," * 100_001 + "]", "workflows.document_too_many", {"line": 1}),
    ("#" * 1_000_001, "workflows.document_too_big", {}),
    ("kind: robot\n", "workflows.document_kind_unknown", {"line": 1, "found": "robot"}),
    ("- 1\n", "workflows.document_kind_unknown", {"line": 1}),
    ("kind: agent\nname: A\n", "workflows.document_field_wrong", {"entry_name": "A", "place": "graph", "rule": "missing"}),
    ("kind: agent\nname: A\ntemplate: inbox\nwings: 2\n", "workflows.document_field_wrong", {"line": 4, "place": "wings"}),
    (AGENT + "---\n" + AGENT, "workflows.document_entry_twice", {"line": 9, "first": 1}),
    (AGENT.replace("noop", "noop\n      for_each: \"[\""), "catalog.graph_reference_broken", {"line": 5, "node": "one", "entry_kind": "agent"}),
    (AGENT.replace("skill: noop", "skill: llm"), "catalog.graph_input_missing", {"line": 5, "entry_name": "A"}),
    (AGENT.replace("skill: noop", "skill: transform\n      inputs: {engine: cel, expression: 3, data: 1}"), "catalog.graph_type_mismatch", {"line": 7, "place": "graph.nodes[0].inputs.expression"}),
    ("kind: agent\nname: A\ntemplate: inbox\nsettings:\n  look_back_days: many\n", "catalog.settings_invalid", {"line": 5, "place": "settings.look_back_days"}),
    ("kind: agent\nname: A\ntemplate: none\n", "catalog.template_unknown", {"line": 1, "entry_name": "A"}),
    ("kind: agent\nname: A\ntemplate: inbox\nconnections:\n  mail: {integration: imap, name: Work}\n", "workflows.document_connection_unknown", {"line": 5, "place": "connections.mail"}),
    (AGENT + "---\nkind: workflow\nname: W\ntype: sequential\nsteps:\n  - {id: a, kind: agent, agent: A}\n  - {id: b, kind: agent, agent: B}\n", "workflows.document_name_unknown", {"line": 13, "place": "steps[1].agent", "wanted": "B"}),
    (AGENT + "---\nkind: workflow\nname: W\ntype: sequential\nsteps:\n  - {id: a, kind: agent, agent: A}\n  - {id: b, kind: sleep}\n", "workflows.step_invalid", {"line": 13, "step": "b"}),
    (AGENT + "---\nkind: trigger\nagent: A\ntype: schedule\ncron: 61 * * * *\n", "workflows.cron_invalid", {"entry_kind": "trigger", "entry_name": "A"}),
    ("kind: trigger\ntype: manual\nname: T\n", "workflows.trigger_of_one_thing", {"entry_name": "T"}),
    ("kind: agent\nname: A\ngraph: {nodes: [{id: x, skill: agent, inputs: {agent: B, input: 1}}]}\n---\nkind: agent\nname: B\ngraph: {nodes: [{id: x, skill: agent, inputs: {agent: A, input: 1}}]}\n", "workflows.document_circle", {"entry_name": "A"}),
    ("kind: skill\nname: s\ntype: transform\nspec:\n  fixed: {wings: 1}\n", "catalog.skill_invalid", {"line": 5, "entry_kind": "skill"}),
]  # fmt: skip


def test_every_refusal_says_where_and_leaves_nothing_behind(storage: Storage, me: Actor) -> None:
    before = counts(storage, me)
    for text, code, data in REFUSED:
        with pytest.raises(Failure) as refused:
            apply(storage, me, text)
        found = refused.value
        assert found.code == code, (text[:200], found.code, found.data)
        assert {name: found.data.get(name) for name in data} == data, (code, found.data)
        if "line" in found.data and "entry_kind" not in data and code.startswith("catalog"):
            assert found.data["entry_kind"]
    assert counts(storage, me) == before


def test_a_name_that_stands_for_two_is_refused_both_ways(storage: Storage, me: Actor) -> None:
    with storage.work(me.workspace_id, me.user_id) as work:
        for _ in range(2):
            create_agent(work, me, "inbox", "Twin")
        work.commit()
    with pytest.raises(Failure) as refused:
        export(storage, me)
    assert (refused.value.code, refused.value.data["wanted"]) == ("workflows.document_name_ambiguous", "Twin")
    with pytest.raises(Failure) as refused:
        apply(storage, me, "kind: pack\nname: P\nagents: [Twin]\n")
    assert refused.value.code == "workflows.document_name_ambiguous"


def test_what_a_person_connected_is_named_and_kept(storage: Storage, me: Actor, tmp_path: Path) -> None:
    with storage.work(me.workspace_id, me.user_id) as work:
        mine = connect(work, me, "maildir", "Work", {"folder": str(tmp_path), "email": "me@example.org"})
        create_agent(work, me, "inbox", "Inbox", {}, {"mail": mine.id})
        work.commit()
    text = export(storage, me)
    (document,) = yaml.safe_load_all(text)
    assert document["connections"] == {"mail": {"integration": "maildir", "name": "Work"}}
    assert str(tmp_path) not in text
    assert hows(apply(storage, me, text)) == {"unchanged"}
    assert hows(apply(storage, me, "kind: agent\nname: Inbox\ntemplate: inbox\n")) == {"unchanged"}, (
        "left out, it stays"
    )
    with pytest.raises(Failure) as refused:
        apply(storage, somebody(storage), text)
    assert refused.value.code == "workflows.document_connection_unknown"


def test_what_is_left_out_of_a_file_stays_and_a_hold_is_not_lifted(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    before = export(storage, me)
    apply(
        storage,
        me,
        "kind: agent\nname: Inbox with another graph\ntemplate: inbox\ngraph:\n  nodes: [{id: nothing, skill: noop}]\n",
    )
    assert export(storage, me) == before
    released = apply(storage, me, before.replace("status: paused", "status: active"))
    assert {(each.kind, each.name) for each in released.changes if each.how == "changed"} == {
        ("agent", "Inbox with another graph"), ("workflow", "In a pack"), ("trigger", "Failed"),
    }  # fmt: skip


def test_another_spec_of_a_skill_reaches_the_agents_that_want_the_newest(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    text = export(storage, me)
    changed = text.replace("join('' '', @)", "join('-', @)").replace("join(' ', @)", "join('-', @)")
    assert changed != text
    applied = apply(storage, me, changed)
    assert {(e.kind, e.name) for e in applied.changes if e.how == "changed"} == {
        ("skill", "join"),
        ("agent", "Adds one"),
    }
    assert hows(apply(storage, me, changed)) == {"unchanged"}
    assert export(storage, me) != text


def test_a_skill_that_was_put_away_is_kept_by_who_has_it(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    with storage.work(me.workspace_id, me.user_id) as work:
        archive_skill(work, me, work.skills.by_name("join").id)
        work.commit()
    text = export(storage, me)
    assert "status: archived" in text
    assert hows(apply(storage, me, text)) == {"unchanged"}
    other = somebody(storage)
    apply(storage, other, text)
    assert export(storage, other) == text
    assert hows(apply(storage, other, text)) == {"unchanged"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))
    | st.sampled_from(["on", "no", "1e5", "010", "1_000", "1:30", "2026-01-01", "~", "=", "<<", "a\n b\n", "\n", "x: y", "- a", "a \nb", "\u2028x\n"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(value=VALUES)
@examples(max_examples=400, suppress_health_check=list(HealthCheck))
def test_what_is_written_is_read_back_exactly(value: Any) -> None:
    (marked,) = read(write([{"value": value}]))
    assert marked.value == {"value": value}
    assert repr(marked.value) == repr({"value": value}), "true is not 1"


@given(text=st.text() | st.binary())
@examples(max_examples=300)
def test_whatever_text_comes_is_read_or_refused(text: str | bytes) -> None:
    try:
        read(text)
    except Failure as refused:
        code = refused.code
    else:
        return
    assert code.startswith("workflows.document_")


def test_the_terminal_applies_a_file_and_says_what_is_wrong_with_one(
    storage: Storage, settings: Any, tmp_path: Path
) -> None:
    import os
    import subprocess
    import sys

    somebody(storage, "me@example.org")
    environment = {
        **os.environ, "NOD_DATABASE_URL": settings.database_url.get_secret_value(), "NOD_REDIS_URL": settings.redis_url.get_secret_value(),
        "NOD_DATA_DIR": str(settings.data_dir), "NOD_MASTER_KEY": settings.master_key.get_secret_value(), "NOD_TEST": "1",
    }  # fmt: skip

    def nod(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from bots.cli import main; main()", *words, "--email", "me@example.org"]
        return subprocess.run(
            command, env=environment, input=given, capture_output=True, text=True, timeout=120, check=False
        )

    file = tmp_path / "all.yaml"
    file.write_text(EVERYTHING)
    tried = nod("apply", "-f", str(file), "--dry-run")
    assert tried.returncode == 0 and "+ agent “Inbox”" in tried.stdout and "whsec_" not in tried.stdout, tried.stderr
    assert nod("export").stdout == ""
    done = nod("apply", "-f", str(file))
    assert done.returncode == 0 and done.stdout.count("whsec_") == 1, done.stderr
    exported = nod("export")
    assert exported.returncode == 0 and "kind: workflow" in exported.stdout, exported.stderr
    assert nod("apply", "-f", "-", given=exported.stdout).stdout == "0 added, 0 changed, 13 unchanged.\n"
    alone = nod("export", "agent", "Adds one")
    assert [each["kind"] for each in yaml.safe_load_all(alone.stdout)] == ["skill", "agent", "trigger"], alone.stderr
    nobody = nod("export", "pack", "Adds one")
    assert nobody.returncode == 1 and nobody.stdout == ""
    assert nobody.stderr.splitlines()[:2] == ["export: nothing was printed.", "There is no pack called “Adds one”."]
    unsaid = nod("export", "pack")
    assert unsaid.returncode == 2 and "Say which pack, by its name." in unsaid.stderr
    file.write_text(EVERYTHING.replace("question: Send it?", "question: 7"))
    wrong = nod("apply", "-f", str(file))
    what, why, todo = wrong.stderr.splitlines()
    line = EVERYTHING.splitlines().index("        question: Send it?") + 1
    assert wrong.returncode == 1 and what.startswith(
        f"{file}:{line}: workflow “Offer”, field steps[1].otherwise[0].question"
    )
    assert "sure" in why and todo
