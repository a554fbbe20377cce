"""Versions of agents and of skills that people make: nothing that was made is changed, and what cannot run is not made."""

from typing import Any
from uuid import UUID

import pytest

from core.catalog.configure import change_agent, create_agent
from core.catalog.contracts import Contracts
from core.catalog.skills import agents_using, archive_skill, change_skill, make_skill
from core.catalog.versions import Change, choose_version, compose_agent, current, diff, edit_graph
from core.connectors.connect import connect, disconnect
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Forbidden, Invalid, NotFound
from core.kernel.ids import new_id
from runners.contracts import contracts
from storage import Storage
from tests.databases import somebody

KNOWN = contracts()


def graph(expression: str = "data.n", **more: Any) -> dict[str, Any]:
    """A graph of one transform."""
    inputs = {"engine": "jmespath", "expression": expression, "data": {"$": "run.input"}}
    node = {"id": "pick", "skill": "transform", "inputs": inputs, **more}
    return {"nodes": [node], "output": {"picked": {"$": "pick.result"}}}


def calling(*agents: UUID) -> dict[str, Any]:
    return {"nodes": [{"id": f"call_{n}", "skill": "agent", "inputs": {"agent": str(a)}} for n, a in enumerate(agents)]}


@pytest.fixture
def actor(storage: Storage) -> Actor:
    return somebody(storage)


@pytest.fixture
def work(storage: Storage, actor: Actor) -> Any:
    with storage.work(actor.workspace_id, actor.user_id) as opened:
        yield opened


def refused(code: str, act: Any) -> dict[str, Any]:
    """The data of the failure that `act` ends with."""
    with pytest.raises(Failure) as caught:
        act()
    assert caught.value.code == code, caught.value.data
    return caught.value.data


def test_an_agent_of_a_persons_own_graph_has_a_first_version_with_its_origin(storage: Storage, actor: Actor):
    run = new_id()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = compose_agent(
            work, actor, KNOWN, " Picker ", graph(), params={"n": 3}, note="first try", parent_run_id=run
        )
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        kept = work.agents.get(agent.id)
        version = current(work, kept)
        assert (kept.name, kept.template, kept.config.behaviour) == ("Picker", "blank", {"n": 3})
        assert (version.semantic_version, version.skills, version.light) == ("1.0.0", ["transform"], True)
        assert (version.author_id, version.parent_run_id, version.note) == (actor.user_id, run, "first try")
        assert version.default_params["behaviour"] == {"n": 3}


def test_an_edit_makes_a_version_and_leaves_the_earlier_ones_as_they_were(storage: Storage, actor: Actor):
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = compose_agent(work, actor, KNOWN, "Picker", graph("data.n"))
        first = current(work, agent)
        second = edit_graph(work, actor, KNOWN, agent.id, graph("data.m"))
        change_agent(work, actor, agent.id, settings={"anything": True})
        third = current(work, agent)
        work.commit()
    assert [v.semantic_version for v in (first, second, third)] == ["1.0.0", "1.1.0", "1.1.1"]
    assert third.graph == second.graph
    assert third.light
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert [v.semantic_version for v in work.agents.versions(agent.id)] == ["1.1.1", "1.1.0", "1.0.0"]
        assert work.agents.version(first.id) == first


def test_an_edit_that_changes_nothing_makes_no_version(work: Any, actor: Actor):
    agent = compose_agent(work, actor, KNOWN, "Picker", graph())
    assert edit_graph(work, actor, KNOWN, agent.id, graph()).semantic_version == "1.0.0"
    assert len(work.agents.versions(agent.id)) == 1


def test_rolling_back_is_choosing_an_older_version_with_its_settings(storage: Storage, actor: Actor):
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = compose_agent(work, actor, KNOWN, "Picker", graph("data.n"), params={"n": 1})
        first = current(work, agent)
        edit_graph(work, actor, KNOWN, agent.id, graph("data.m"), params={"n": 2})
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        choose_version(work, actor, agent.id, first.id)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        back = work.agents.get(agent.id)
        assert (current(work, back).id, back.config.behaviour) == (first.id, {"n": 1})
        assert edit_graph(work, actor, KNOWN, agent.id, graph("data.o")).semantic_version == "1.2.0"
        stranger = compose_agent(work, actor, KNOWN, "Other", graph())
        refused("catalog.version_unknown", lambda: choose_version(work, actor, stranger.id, first.id))


def test_a_difference_is_told_node_by_node_with_old_and_new(work: Any, actor: Actor):
    agent = compose_agent(work, actor, KNOWN, "Picker", graph("data.n"), params={"n": 1})
    old = current(work, agent)
    changed = graph("data.m", when="run.input.n > 1")
    changed["nodes"].append({"id": "more", "skill": "noop"})
    new = edit_graph(work, actor, KNOWN, agent.id, changed, params={"m": 1})
    assert diff(old, new) == [
        Change("pick.inputs.expression", "changed", "data.n", "data.m"),
        Change("pick.when", "added", None, "run.input.n > 1"),
        Change("more", "added", None, {"skill": "noop"}),
        Change("params.behaviour.n", "removed", 1, None),
        Change("params.behaviour.m", "added", None, 1),
    ]
    assert Change("more", "removed", {"skill": "noop"}, None) in diff(new, old)
    assert diff(old, old) == []


def test_a_template_whose_graph_a_person_changed_keeps_it_when_settings_change(work: Any, actor: Actor):
    agent = create_agent(work, actor, "inbox")
    own = current(work, agent).graph.model_dump(mode="json")
    own["nodes"][0]["inputs"]["limit"] = 7
    edit_graph(work, actor, KNOWN, agent.id, own)
    change_agent(work, actor, agent.id, settings={"look_back_days": 3})
    kept = current(work, agent)
    assert kept.graph.nodes[0].inputs["limit"] == 7
    assert kept.default_params["behaviour"]["look_back_days"] == 3
    assert kept.default_params["prompt_templates"]


@pytest.mark.parametrize(
    ("nodes", "code", "node"),
    [
        ([{"id": "a", "skill": "nothing"}], "orchestration.skill_unknown", "a"),
        ([{"id": "a", "skill": "noop", "inputs": {"value": {"$": "b.value"}}}], "catalog.graph_reference_dangling", "a"),
        ([{"id": "a", "skill": "transform", "inputs": {"engine": "awk", "expression": "x"}}], "catalog.graph_input_wrong", "a"),
        ([{"id": "a", "skill": "own.nothing"}], "catalog.skill_unknown", "a"),
        ([{"id": "a", "skill": "agent", "inputs": {"agent": {"$": "run.input.who"}}}], "catalog.graph_agent_open", "a"),
        ([{"id": "a", "skill": "agent", "inputs": {"agent": str(UUID(int=9))}}], "catalog.agent_unknown", "a"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_run_is_refused_by_the_name_of_its_node(
    work: Any, actor: Actor, nodes: Any, code: str, node: str
):
    data = refused(code, lambda: compose_agent(work, actor, KNOWN, "No", {"nodes": nodes}))
    assert data["node"] == node
    assert work.agents.page(None, None, 10) == []


def test_an_agent_cannot_be_made_to_call_itself_by_any_detour(work: Any, actor: Actor):
    first = compose_agent(work, actor, KNOWN, "First", graph())
    second = compose_agent(work, actor, KNOWN, "Second", calling(first.id))
    third = compose_agent(work, actor, KNOWN, "Third", calling(first.id, second.id))
    for target in (first, second, third):
        data = refused(
            "catalog.graph_calls_itself", lambda to=target: edit_graph(work, actor, KNOWN, first.id, calling(to.id))
        )
        assert data == {"node": "call_0"}
    hidden = make_skill(work, actor, KNOWN, "hidden", "agent", {"fixed": {"agent": str(third.id)}})
    by_skill = {"nodes": [{"id": "x", "skill": f"own.{hidden.name}"}]}
    data = refused("catalog.graph_calls_itself", lambda: edit_graph(work, actor, KNOWN, first.id, by_skill))
    assert data == {"node": "x"}


def test_agents_call_each_other_five_deep_and_no_deeper(work: Any, actor: Actor):
    agent = compose_agent(work, actor, KNOWN, "0", graph())
    for depth in range(1, 6):
        agent = compose_agent(work, actor, KNOWN, str(depth), calling(agent.id))
    refused("catalog.graph_calls_too_deep", lambda: compose_agent(work, actor, KNOWN, "6", calling(agent.id)))


def test_who_binds_a_connection_agrees_that_it_is_read(work: Any, actor: Actor):
    mail = connect(work, actor, "sample", "", {})
    compose_agent(work, actor, KNOWN, "Reader", {"nodes": [{"id": "r", "skill": "mail.read"}]}, tools={"mail": mail.id})
    given = work.preferences.consent(actor.user_id, "data:mail")
    assert given is not None
    assert given.active
    disconnect(work, actor, mail.id)
    refused(
        "connectors.connection_revoked",
        lambda: compose_agent(work, actor, KNOWN, "Again", graph(), tools={"mail": mail.id}),
    )


def test_whoever_may_only_look_makes_nothing(work: Any, actor: Actor):
    viewer = Actor(actor.user_id, actor.workspace_id, "viewer", "web")
    with pytest.raises(Forbidden):
        compose_agent(work, viewer, KNOWN, "No", graph())
    with pytest.raises(Forbidden):
        make_skill(work, viewer, KNOWN, "no", "noop", {})  # type: ignore[arg-type]


FIRST_WORDS = {
    "fixed": {"engine": "jmespath", "expression": "join(' ', @)", "data": {"$": "input.words"}},
    "inputs": {
        "type": "object",
        "properties": {"words": {"type": "array", "items": {"type": "string"}}},
        "required": ["words"],
        "additionalProperties": False,
    },
}


def using(**inputs: Any) -> dict[str, Any]:
    return {"nodes": [{"id": "it", "skill": "own.join", "inputs": inputs}], "output": {"text": {"$": "it.result"}}}


def test_an_own_skill_is_pinned_when_a_version_is_made_and_its_inputs_are_checked(storage: Storage, actor: Actor):
    with storage.work(actor.workspace_id, actor.user_id) as work:
        skill = make_skill(work, actor, KNOWN, "join", "transform", FIRST_WORDS, title="Join words")
        agent = compose_agent(work, actor, KNOWN, "Joiner", using(words=["a"]))
        assert (
            refused("catalog.graph_input_missing", lambda: compose_agent(work, actor, KNOWN, "No", using()))["node"]
            == "it"
        )
        refused("catalog.graph_type_mismatch", lambda: compose_agent(work, actor, KNOWN, "No", using(words="a")))
        newer = {**FIRST_WORDS, "fixed": {**FIRST_WORDS["fixed"], "expression": "join('-', @)"}}
        change_skill(work, actor, KNOWN, skill.id, spec=newer)
        later = compose_agent(work, actor, KNOWN, "Later", using(words=["a"]))
        assert [current(work, a).graph.nodes[0].skill_version for a in (agent, later)] == [1, 2]
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert [v.number for v in work.skills.versions(skill.id)] == [2, 1]
        assert {a.name for a in agents_using(work, "own.join")} == {"Joiner", "Later"}
        assert agents_using(work, "own.other") == []


def test_which_agents_use_a_skill_is_told_of_their_newest_versions(storage: Storage, actor: Actor):
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = compose_agent(work, actor, KNOWN, "Picker", graph())
        edit_graph(work, actor, KNOWN, agent.id, {"nodes": [{"id": "a", "skill": "noop"}]})
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert agents_using(work, "transform") == []
        assert [a.id for a in agents_using(work, "noop")] == [agent.id]


def test_a_skill_that_was_put_away_is_kept_by_what_has_it_and_by_nothing_new(work: Any, actor: Actor):
    skill = make_skill(work, actor, KNOWN, "join", "transform", FIRST_WORDS)
    agent = compose_agent(work, actor, KNOWN, "Joiner", using(words=["a"]))
    archive_skill(work, actor, skill.id)
    refused("catalog.skill_archived", lambda: compose_agent(work, actor, KNOWN, "No", using(words=["a"])))
    pinned = current(work, agent).graph.model_dump(mode="json")
    pinned["nodes"][0]["inputs"] = {"words": ["b"]}
    edit_graph(work, actor, KNOWN, agent.id, pinned)
    archive_skill(work, actor, skill.id, archived=False)
    compose_agent(work, actor, KNOWN, "Yes", using(words=["a"]))


@pytest.mark.parametrize(
    ("spec", "field", "rule"),
    [
        ({"fixed": {"engine": "awk", "expression": "x"}}, "fixed.engine", "graph_input_wrong"),
        ({"fixed": {"engine": "cel"}}, "fixed.expression", "graph_input_missing"),
        ({"fixed": {**FIRST_WORDS["fixed"], "data": {"$": "input.wrods"}}, "inputs": FIRST_WORDS["inputs"]}, "fixed", "graph_reference_dangling"),
        ({**FIRST_WORDS, "inputs": {"type": "array"}}, "inputs.type", "object"),
        ({**FIRST_WORDS, "inputs": {"type": "object", "properties": {"a": {"type": "number!"}}}}, "inputs.properties.a.type", "schema"),
        ({**FIRST_WORDS, "inputs": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}}, "inputs", "$ref"),
        ({"steps": 3}, "steps", "extra_forbidden"),
    ],
)  # fmt: skip
def test_a_skill_that_cannot_work_is_refused_by_the_field(work: Any, actor: Actor, spec: Any, field: str, rule: str):
    data = refused("catalog.skill_invalid", lambda: make_skill(work, actor, KNOWN, "no", "transform", spec))
    assert data == {"field": field, "rule": rule}


def test_a_skills_name_is_taken_once_a_workspace(storage: Storage, work: Any, actor: Actor):
    make_skill(work, actor, KNOWN, "join", "transform", FIRST_WORDS)
    with pytest.raises(Conflict, match=r"catalog\.skill_name_taken"):
        make_skill(work, actor, KNOWN, "join", "transform", FIRST_WORDS)
    with pytest.raises(Invalid, match=r"catalog\.skill_name_invalid"):
        make_skill(work, actor, KNOWN, "Join us", "transform", FIRST_WORDS)
    other = somebody(storage)
    with storage.work(other.workspace_id, other.user_id) as theirs:
        make_skill(theirs, other, KNOWN, "join", "transform", FIRST_WORDS)
        with pytest.raises(NotFound):
            theirs.skills.get(work.skills.by_name("join").id)


def test_doors_and_runners_agree_on_every_skill():
    from bots.kit.contracts import contracts as asked

    assert dict(asked()) == dict(KNOWN)
    assert Contracts.from_json(KNOWN.to_json())["noop"].quick
