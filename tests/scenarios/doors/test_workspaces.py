"""Several workspaces: joining one by an invitation, with an account and without, changing between them, and which one a card is of."""

from collections.abc import Callable
from dataclasses import replace

import httpx

from core.identity.invite import invite
from core.kernel.actor import Actor, Role
from core.privacy.leave import leave
from tests.runners.world import World, mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person
from tests.scenarios.doors.product import Product

At = Callable[..., Person]


def _family(product: Product) -> World:
    """The family Klee, with an agent of its owner's."""
    world = product.world()

    def found(work: object) -> None:
        place = work.people.workspace()  # type: ignore[attr-defined]
        place.kind, place.name = "family", "Klee"

    moments.changed(world, found)
    return world


def _code(world: World, role: Role) -> str:
    return moments.changed(world, lambda work: invite(work, world.actor, role)[1])


def _browser(product: Product) -> httpx.Client:
    return httpx.Client(base_url=product.url, headers={"Origin": product.url, "Accept-Language": "en"}, timeout=60)


@point("join", "workspace", "card.1.place")
def test_an_invitation_is_joined_by_a_tap_and_cards_say_which_workspace_they_are_of(
    person: Person, product: Product
) -> None:
    klee, world = _family(product), person.world
    world.suggest(task())
    card = person.card()
    assert "Workspace:" not in card.words, "there is only one"
    person.command(f"join {_code(klee, 'approver')}")
    asked = person.sees("invites you to the family “Klee”, as approver", labels=("Join", "Not now"))
    person.press("Join", asked)
    person.sees("Welcome to Klee", "speak for it now", labels=("Speak for Klee",))
    own = world.suggest(mail())
    mine = person.card("kim@example.net", "Workspace: Just you")
    person.press("Speak for Klee")
    if person.door == "web":
        person.sees("signs this browser in to Klee")
    else:
        person.sees("This chat speaks for Klee", labels=("Team",))
        there = Actor(world.actor.user_id, klee.actor.workspace_id, "approver", world.actor.surface)
        offered = replace(klee, actor=there).suggest(task())
        theirs = person.card("Workspace: Klee")
        person.press("Reject", theirs)
        person.watches(theirs, "Rejected", without=("Approve",))
        assert moments.status(klee, offered) == "rejected"
    person.press("Approve", mine)
    person.watches(mine, "Approved", without=("Approve",))
    assert moments.status(world, own) == "approved"
    person.command("workspace")
    person.sees("Klee", "approver, ", "Just you", "owner, ")


@point("join.stranger")
def test_somebody_without_an_account_gets_one_by_joining_and_only_by_the_tap(door: str, product: Product) -> None:
    klee = _family(product)
    code = _code(klee, "member")
    if door == "web":
        with _browser(product) as browser:
            assert "to the family “Klee”, as member" in browser.get(f"/join/{code}").text
            assert _members(klee) == 1
            assert browser.post(f"/join/{code}", data={"name": "Lea"}).status_code == 303
            assert browser.get("/").status_code == 200
    else:
        lea = product.stranger(door)
        lea.says(code)
        asked = lea.sees("to the family “Klee”, as member", "makes an account for you", labels=("Join", "Not me"))
        assert _members(klee) == 1
        lea.press("Join", asked)
        lea.watches(asked, "You joined", without=("Join",))
        lea.sees("I am Nod")
    assert _members(klee) == 2


@point("comeback")
def test_who_left_comes_back_by_their_code(person: Person, door: str, product: Product) -> None:
    world = person.world
    account = moments.changed(world, lambda work: work.people.user(world.actor.user_id).email)
    code = moments.changed(world, lambda work: leave(work, world.actor, account)).code
    if door == "web":
        with _browser(product) as browser:
            assert browser.post("/sign-in/code", data={"code": code}).status_code == 303
            assert browser.get("/").status_code == 200
    else:
        person.says(code)
        person.sees("Welcome back")
        person.command("inbox")
        person.sees("Nothing waits")


def _members(world: World) -> int:
    with world.work() as work:
        return len(work.people.active_members())
