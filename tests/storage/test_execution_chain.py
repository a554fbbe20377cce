"""The database itself refuses an execution that no approval stands behind."""

from typing import Any

import pytest

from core.approvals.models import SuggestionRevision
from core.kernel.errors import Conflict, Invalid
from core.kernel.ids import new_id
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import a_suggestion, an_approval, an_execution_of


def _commit(storage: Storage, make: Any, **approval_fields: Any) -> None:
    actor = somebody(storage)
    _, revision = a_suggestion(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        approval = an_approval(work, actor, revision, **approval_fields)
        make(work, approval, revision)
        work.commit()


def _approve_and_execute(work: Any, approval: Any, revision: SuggestionRevision) -> None:
    work.suggestions.approve(approval)
    work.executions.add(an_execution_of(work, approval, revision.action.connection_id))


def test_an_approved_revision_may_be_executed(storage: Storage) -> None:
    _commit(storage, _approve_and_execute)


def test_an_execution_without_its_approval_is_refused(storage: Storage) -> None:
    def execute(work: Any, approval: Any, revision: SuggestionRevision) -> None:
        work.executions.add(an_execution_of(work, approval, revision.action.connection_id))

    with pytest.raises(Invalid) as refused:
        _commit(storage, execute)
    assert refused.value.data["rule"] == "action_executions_approval_id_there"


@pytest.mark.parametrize("decision", ["reject", "edit"])
def test_an_execution_of_another_decision_is_refused(storage: Storage, decision: str) -> None:
    with pytest.raises(Invalid) as refused:
        _commit(storage, _approve_and_execute, decision=decision)
    assert refused.value.data["rule"] == "action_executions_approval_id_there"


def test_an_execution_of_another_suggestions_approval_is_refused(storage: Storage) -> None:
    def execute(work: Any, approval: Any, revision: SuggestionRevision) -> None:
        work.suggestions.approve(approval)
        connection_id = revision.action.connection_id
        work.executions.add(an_execution_of(work, approval, connection_id, suggestion_id=new_id()))

    with pytest.raises(Invalid):
        _commit(storage, execute)


@pytest.mark.parametrize("wrong", [{"payload_sha256": "0" * 64}, {"revision": 2}])
def test_an_approval_of_what_was_never_shown_is_refused(storage: Storage, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        _commit(storage, lambda work, approval, _: work.suggestions.approve(approval), **wrong)
    assert refused.value.data["rule"] == "approvals_suggestion_id_there"


def test_an_approval_by_someone_outside_of_the_workspace_is_refused(storage: Storage) -> None:
    stranger = somebody(storage)
    with pytest.raises(Invalid) as refused:
        _commit(storage, _approve_and_execute, user_id=stranger.user_id)
    assert refused.value.data["rule"] == "approvals_user_id_there"


def test_one_approval_is_executed_once(storage: Storage) -> None:
    def twice(work: Any, approval: Any, revision: SuggestionRevision) -> None:
        _approve_and_execute(work, approval, revision)
        work.executions.add(an_execution_of(work, approval, revision.action.connection_id, key="another"))

    with pytest.raises(Conflict):
        _commit(storage, twice)
