"""/usage: what is used and left today, which limit is near and what to do, and the notice that a limit was reached."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from xml.etree import ElementTree as xml

import pytest

from bots.kit.screen import Progress
from bots.kit.speak import failure
from bots.kit.words import load
from core.billing.limits import TIERS, Which, today
from core.billing.models import WORKSPACE
from core.billing.ports import Used
from core.billing.reserve import Start, is_news, reserve
from core.billing.subscribe import subscribe
from core.identity.models import PrivacySettings
from core.kernel.errors import LimitReached
from core.kernel.ids import new_id
from core.kernel.settings import settings
from core.messaging.post import notify
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person

WORDS = load(strict=True).codes()


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOD_LIMITS", "tiers")
    settings.cache_clear()
    yield
    settings.cache_clear()


def use(person: Person, used: Used, *agents: str, day: date | None = None) -> None:
    with person.work() as work:
        work.billing.add(day or today(work.now), dict.fromkeys((WORKSPACE, *agents), used))
        work.commit()


def bars(person: Person) -> dict[str, tuple[int, int | None]]:
    return {one.label: (one.done, one.total) for one in person.last_screen.blocks if isinstance(one, Progress)}


def test_at_home_only_the_bill_has_a_bar_and_nobody_is_nagged(person: Person) -> None:
    use(person, Used(runs=5_000, tokens=1_234_567, cost=Decimal("1.25")))
    person.says("/usage")
    assert bars(person) == {"Cost of language models, in US cents": (125, 1000)}
    assert "This installation is its owner's" in person.last
    assert "Runs: 5,000" in person.last and "Tokens: 1,234,567" in person.last and "Agents: 0" in person.last
    assert "plan" not in person.last and "used up" not in person.last
    assert "History is kept: for ever" in person.last and "Older runs" not in person.last
    use(person, Used(cost=Decimal("7.25")))
    person.says("/usage")
    assert "Nearly used up: 1.5 US dollars are left today." in person.last and "set NOD_COST_PER_DAY" in person.last


@pytest.mark.usefixtures("tiers")
def test_a_tier_shows_a_bar_for_each_limit_of_the_day_and_its_rules(person: Person) -> None:
    stage.agent(person)
    use(person, Used(runs=20, tokens=50_000, cost=Decimal("0.05")))
    person.says("/usage")
    assert "Your plan: Free. The day ends " in person.last
    assert bars(person) == {
        "Runs": (20, 200), "Tokens for language models": (50_000, 200_000), "Cost of language models, in US cents": (5, 50),
    }  # fmt: skip
    assert "Agents: 1 of 5" in person.last and "Connections: 0 of 3" in person.last, "what everybody has is not counted"
    assert "Each agent: 100 runs a day" in person.last and "Schedules: every 15 minutes at most" in person.last
    assert "Nearly" not in person.last and "Pause" not in person.last and person.last_screen.tone == "plain"
    assert "History is kept: 30 days" in person.last and "Older runs are removed" in person.last


@pytest.mark.usefixtures("tiers")
def test_who_has_their_history_deleted_sooner_reads_their_own_days(person: Person) -> None:
    with person.work() as work:
        profile = work.people.profile(person.actor.user_id)
        profile.privacy_settings = PrivacySettings(data_retention_days=7, auto_delete_enabled=True)
        work.commit()
    person.says("/usage")
    assert "History is kept: 7 days" in person.last


@pytest.mark.usefixtures("tiers")
def test_a_limit_that_is_near_or_reached_is_named_with_what_to_do(person: Person) -> None:
    use(person, Used(runs=160, tokens=200_001))
    person.says("/usage")
    assert "Nearly used up: 40 runs are left today." in person.last
    assert "The day's 200,000 tokens for language models are used up. Agents run again from " in person.last
    assert "The plan Personal Pro has room for 2,000 runs a day" in person.last
    assert person.last_screen.tone == "problem"


@pytest.mark.usefixtures("tiers")
def test_the_largest_plan_promises_no_larger_one(person: Person) -> None:
    with person.work() as work:
        subscribe(work, "enterprise")
        work.commit()
    use(person, Used(runs=500_000))
    person.says("/usage")
    assert "Your plan: Enterprise" in person.last and "let one run less often." in person.last
    assert "has room" not in person.last


@pytest.mark.usefixtures("tiers")
def test_whoever_reaches_a_limit_is_told_once_which_one_it_is(person: Person) -> None:
    agent = stage.agent(person)
    use(person, Used(runs=100), str(agent.id))
    for _ in range(3):
        with person.work() as work:
            run_id = new_id()
            why = reserve(work, [Start(run_id, agent.id)])[run_id]
            if is_news(work, person.actor.user_id, agent.id, why):
                notify(work, person.actor.user_id, "limit.reached", {**why.data, "agent": agent.name})
            work.commit()
    person.looks()
    assert len(person.screens) == 1
    assert person.last.startswith(f"{agent.name}: This agent's 100 runs of the day are used up. It runs again from ")
    assert "I say so once a day." in person.last
    person.taps("Usage")
    assert "Usage today" in person.last


@pytest.mark.parametrize("which", Which.__args__)
def test_every_limit_has_words_of_its_own(person: Person, which: str) -> None:
    data = {"which": which, "limit": "5", "used": "5", "tier": "free", "resets_at": "2026-11-23T00:00:00+00:00"}
    with person.work() as work:
        notify(work, person.actor.user_id, "limit.reached", {**data, "agent": "Inbox"})
        work.commit()
    person.looks()
    assert f"billing.limit_reached.{which}" in WORDS
    assert person.last.startswith("Inbox: ") and "A limit of this workspace" not in person.last


def test_every_plan_has_a_name() -> None:
    assert [plan for plan in (*TIERS, "own") if f"plan.{plan}" not in WORDS] == []


def test_days_months_and_agents_are_pages_of_the_same_message(person: Person) -> None:
    with person.work() as work:
        day = today(work.now)
    stage.suggests(person, stage.task(), stage.task())
    agent = stage.agent(person)
    use(person, Used(3, 1_500, Decimal("0.02")), str(agent.id))
    use(person, Used(runs=1), str(new_id()), day=day - timedelta(days=5))
    use(person, Used(runs=4), day=day - timedelta(days=100))
    person.says("/usage")
    place = person.last_place
    person.taps("Last days")
    assert person.last_place == place
    lines = person.last.splitlines()
    assert (
        lines[0] == "Usage of the last 14 days"
        and lines[1].startswith("4 runs in 14 days, most on ")
        and len(lines) == 4
    )
    assert lines[2].endswith(": 3 runs · 2 suggestions · 1,500 tokens · US$0.02") and lines[3].endswith(": 1 run")
    person.taps("Months")
    assert "Usage of the last 12 months" in person.last and ": 4 runs" in person.last
    person.taps("By agent")
    assert (
        f"{agent.name}: 3 runs · 1,500 tokens · US$0.02" in person.last
        and "An agent that is gone: 1 run" in person.last
    )
    person.taps("Today")
    assert "Usage today" in person.last and person.last_place == place


def test_the_last_days_are_drawn_and_said_in_words(person: Person) -> None:
    with person.work() as work:
        day = today(work.now)
    for back, used in ((0, Used(3, 1_500, Decimal("0.02"))), (2, Used(12, 0, Decimal("0.5"))), (20, Used(runs=40))):
        use(person, used, day=day - timedelta(days=back))
    person.says("/usage")
    picture = person.last_screen.picture
    assert picture is not None and picture.kind == "drawing" and "15 runs in 14 days" in picture.alt
    assert "Cost: US$0.52, most on " in person.last and picture.alt.split(": ", 1)[1] in person.last
    person.taps("Last days")
    person.taps("30 days")
    assert "55 runs in 30 days" in person.last and "(40 runs)" in person.last and "14 days" in person.labels()
    drawn = person.parts.storage.blobs(person.actor.workspace_id, person.actor.user_id).get(
        person.last_screen.picture.blob  # type: ignore[union-attr]
    )
    bars = list(xml.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect"))
    highs = [float(bar.attrib["height"]) for bar in bars]
    assert len(bars) == 60 and max(highs[:30]) == highs[9] == 84 and highs[29] == 84 * 3 / 40
    assert [bar[0].text for bar in bars][27].endswith(": 12 runs")


def test_where_nothing_was_used_nothing_is_drawn(person: Person) -> None:
    person.says("/usage")
    assert person.last_screen.picture is None


def test_a_time_in_which_nothing_was_used_says_what_would_be_there(person: Person) -> None:
    person.says("/usage")
    person.taps("Months")
    assert "Nothing was used in this time." in person.last and "are counted here" in person.last


@pytest.mark.usefixtures("tiers")
def test_an_agent_too_many_is_refused_in_words(person: Person) -> None:
    for _ in range(5):
        stage.agent(person)
    with pytest.raises(LimitReached) as full:
        stage.agent(person)
    with person.work() as work:
        spoken = failure(person.chat(work).say, full.value)
    assert spoken.text == "There are 5 agents, and no room for more than 5."
    assert spoken.todo == "Send /usage to see every limit, and what you can do."
