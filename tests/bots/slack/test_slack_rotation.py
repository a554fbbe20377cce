"""Tokens that end after twelve hours: renewed in time, once, by whichever process needs one first."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from bots.kit.parts import Parts
from bots.slack.limits import Limits
from bots.slack.teams import NotInstalled, Team, Teams, Trouble
from core.kernel.settings import Settings


@pytest.fixture
def rotating(slack, parts: Parts, settings: Settings) -> tuple[Any, Settings]:
    """A team that installed Nod with tokens that end, and the settings of the app."""
    slack.app.rotation = True
    team = slack.team("Globex")
    made = team.install(by=team.person("Ann"))
    given = {
        "slack_client_id": slack.app.client_id, "slack_client_secret": SecretStr(slack.app.client_secret),
        "slack_api_url": slack.api_url,
    }  # fmt: skip
    _keep(parts, team, made, 43_200)
    return team, settings.model_copy(update=given)


def _keep(parts: Parts, team: Any, made: Any, seconds: float) -> None:
    facts = {
        "bot_token": made.bot_token, "bot_user_id": made.bot_user_id, "refresh_token": made.refresh_token,
        "expires_at": int(time.time() + seconds),
    }  # fmt: skip
    parts.storage.installations.save(team.id, "", facts)


@contextmanager
def _processes(parts: Parts, settings: Settings, number: int) -> Iterator[tuple[asyncio.Runner, list[Teams]]]:
    with asyncio.Runner() as runner:
        every = [Teams(parts, settings, Limits(1000)) for _ in range(number)]
        yield runner, every
        for one in every:
            runner.run(one.close())


async def _ask(teams: Teams, team: Team) -> str:
    return str((await teams.ask(team, "auth.test"))["team_id"])


def test_a_token_that_is_about_to_end_is_renewed_and_kept(parts: Parts, slack, rotating) -> None:
    team, settings = rotating
    before = team.installation.bot_token
    with _processes(parts, settings, 1) as (runner, [teams]):
        assert runner.run(teams.of(team.id)).token == before
        _keep(parts, team, team.installation, 60)
        teams.forget(team.id)
        renewed = runner.run(teams.of(team.id))
        assert renewed.token == team.installation.bot_token != before
        assert runner.run(_ask(teams, renewed)) == team.id
    assert parts.storage.installations.find(team.id).facts["refresh_token"] == team.installation.refresh_token
    assert len(slack.calls_to("oauth.v2.access")) == 1


def test_of_two_processes_one_renews_and_both_go_on(parts: Parts, slack, rotating) -> None:
    team, settings = rotating
    _keep(parts, team, team.installation, 60)
    slack.delay("oauth.v2.access", 0.2, times=2)
    with _processes(parts, settings, 2) as (runner, [first, second]):

        async def both() -> list[Team]:
            return list(await asyncio.gather(first.of(team.id), second.of(team.id)))

        tokens = [one.token for one in runner.run(both())]
        assert team.installation.bot_token in tokens
        for teams in (first, second):
            assert runner.run(_ask(teams, runner.run(teams.of(team.id)))) == team.id
    assert parts.storage.installations.find(team.id).facts["bot_token"] == team.installation.bot_token


def test_a_token_that_ended_meanwhile_is_renewed_when_slack_says_so(parts: Parts, rotating) -> None:
    team, settings = rotating
    with _processes(parts, settings, 1) as (runner, [teams]):
        known = runner.run(teams.of(team.id))
        team.ends_tokens()
        assert runner.run(_ask(teams, known)) == team.id


def test_a_team_that_took_nod_out_is_not_brought_back_by_a_renewal(parts: Parts, rotating) -> None:
    team, settings = rotating
    made = team.installation
    _keep(parts, team, made, 60)
    assert parts.storage.installations.revoke(team.id)
    assert not parts.storage.installations.renew(team.id, made.refresh_token, {"bot_token": "xoxb-new"})
    with _processes(parts, settings, 1) as (runner, [teams]), pytest.raises(NotInstalled):
        runner.run(teams.of(team.id))


def test_while_slack_cannot_renew_a_token_is_used_as_long_as_it_goes_on(parts: Parts, slack, rotating) -> None:
    team, settings = rotating
    _keep(parts, team, team.installation, 60)
    slack.fail_next("oauth.v2.access", "internal_error", status=500)
    with _processes(parts, settings, 1) as (runner, [teams]):
        assert runner.run(teams.of(team.id)).token == team.installation.bot_token


def test_a_token_that_ended_while_slack_is_in_trouble_is_no_reason_to_take_leave(parts: Parts, slack, rotating) -> None:
    team, settings = rotating
    with _processes(parts, settings, 1) as (runner, [teams]):
        known = runner.run(teams.of(team.id))
        team.ends_tokens()
        slack.fail_next("oauth.v2.access", "internal_error", status=500)
        with pytest.raises(Trouble):
            runner.run(_ask(teams, known))
        assert runner.run(_ask(teams, known)) == team.id
