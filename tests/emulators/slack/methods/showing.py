"""Modals and home tabs: views.open, push, update, publish."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.emulators.slack.blocks import check_view
from tests.emulators.slack.refusals import Refused, invalid_arguments, missing_argument
from tests.emulators.slack.views import View
from tests.emulators.slack.world import Trigger

from .method import Caller, Method


def views_open(caller: Caller) -> dict[str, Any]:
    content = _content(caller, "modal")
    trigger = _trigger(caller)
    _external_id(caller, content, None)
    trigger.used = True
    return {"view": trigger.person.shows(content).as_json()}


def views_push(caller: Caller) -> dict[str, Any]:
    content = _content(caller, "modal")
    trigger = _trigger(caller)
    if trigger.view is None or trigger.view.closed:
        raise Refused("not_found")
    _external_id(caller, content, None)
    trigger.used = True
    return {"view": trigger.person.pushes(content).as_json()}


def views_update(caller: Caller) -> dict[str, Any]:
    content = _content(caller, None)
    view = _view(caller)
    if view.type != content["type"]:
        raise Refused("invalid_arguments", response_metadata={"messages": ["[ERROR] view type cannot be changed"]})
    if caller.params.text("hash") not in ("", view.hash):
        raise Refused("hash_conflict")
    _external_id(caller, content, view)
    view.change(content)
    caller.world.notify()
    return {"view": view.as_json()}


def views_publish(caller: Caller) -> dict[str, Any]:
    person = caller.team.member(caller.params.required("user_id"))
    if person is None:
        raise Refused("user_not_found")
    content = _content(caller, "home")
    if not caller.world.app.home_tab:
        raise Refused("not_enabled")
    if caller.params.text("hash") and (person.home is None or person.home.hash != caller.params.text("hash")):
        raise Refused("hash_conflict")
    _external_id(caller, content, person.home)
    if person.home is None:
        person.home = View(person, content, caller.world.new_id("view"))
        caller.world.views[person.home.id] = person.home
    else:
        person.home.change(content)
    caller.world.notify()
    return {"view": person.home.as_json()}


def _content(caller: Caller, kind: str | None) -> dict[str, Any]:
    if not caller.params.values.get("view"):
        raise missing_argument("view")
    view = caller.params.json("view", "invalid_arguments")
    content = json.loads(json.dumps(check_view(view, kind)))
    if wrong := caller.knows_files(content.get("blocks", []), "/view/blocks"):
        raise invalid_arguments(*wrong)
    return content


def _trigger(caller: Caller) -> Trigger:
    id = caller.params.text("trigger_id")
    if not id:
        raise missing_argument("trigger_id")
    trigger = caller.world.triggers.get(id)
    if trigger is None or trigger.person.team is not caller.team:
        raise Refused("invalid_trigger_id")
    if trigger.used:
        raise Refused("exchanged_trigger_id")
    if time.monotonic() - trigger.made_at > caller.world.trigger_seconds:
        raise Refused("expired_trigger_id")
    return trigger


def _view(caller: Caller) -> View:
    id, external = caller.params.text("view_id"), caller.params.text("external_id")
    if not id and not external:
        raise missing_argument("view_id")
    for view in caller.world.views.values():
        same = view.id == id if id else view.content.get("external_id") == external
        if same and view.person.team is caller.team and not view.closed:
            return view
    raise Refused("not_found")


def _external_id(caller: Caller, content: dict[str, Any], own: View | None) -> None:
    wanted = content.get("external_id")
    for view in caller.world.views.values():
        same_team = view.person.team is caller.team
        if wanted and view is not own and same_team and not view.closed and view.content.get("external_id") == wanted:
            raise Refused("duplicate_external_id")


METHODS: dict[str, Method] = {
    "views.open": views_open,
    "views.push": views_push,
    "views.update": views_update,
    "views.publish": views_publish,
}
