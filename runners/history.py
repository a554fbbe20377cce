"""Removes history whose time is over, a little at a time: once a day in each workspace, never in the way of runs."""

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from core.kernel.due import DueItem
from core.kernel.faults import fault
from core.privacy.retain import begin_pass, end_pass, remove_some_firings, remove_some_runs
from runners.wiring import storage

WORKSPACES = 500
EVENTS = 2_000
LONGEST_REST = 2.0
log = structlog.get_logger()


def remove_history(over: threading.Event) -> bool:
    """Looks through the workspaces whose turn it is, each once, until `over`; whether there may be more. Any number of processes may do so: a claim decides who does it, and where
    one dies another goes on."""
    items = storage().due.due("history", WORKSPACES)
    for item in items:
        if over.is_set():
            break
        try:
            _look_through(item, over)
        except Exception:
            log.exception("history.workspace_failed", workspace=str(item.workspace_id))
    return len(items) == WORKSPACES


def _forget_events(over: threading.Event) -> bool:
    """Removes what came in long ago; whether there may be more."""
    gone = 0 if over.is_set() else storage().inbox.forget(EVENTS)
    if gone:
        log.info("history.events_forgotten", events=gone)
    return gone == EVENTS


def _look_through(item: DueItem, over: threading.Event) -> None:
    cuts = _in_one(item, begin_pass)
    if cuts is None or cuts.first is None:
        return
    runs = firings = 0
    before = cuts.first
    while before is not None:
        removed, before = _gently(item, over, remove_some_runs, cuts, before)
        runs += removed
        if over.is_set():
            return
        fault("history_batch")
    while removed := _gently(item, over, remove_some_firings, cuts):
        firings += removed
        if over.is_set():
            return
    _in_one(item, end_pass)
    if runs or firings:
        log.info("history.removed", workspace=str(item.workspace_id), runs=runs, firings=firings)


def _gently(item: DueItem, over: threading.Event, act: Callable[..., Any], *given: Any) -> Any:
    """One batch, and then a rest as long as it took: others have the database at least half of the time."""
    began = time.monotonic()
    done = _in_one(item, act, *given)
    over.wait(min(time.monotonic() - began, LONGEST_REST))
    return done


def _in_one(item: DueItem, act: Callable[..., Any], *given: Any) -> Any:
    with storage().history(item.workspace_id, item.user_id) as work:
        done = act(work, *given)
        work.commit()
    return done


def tidy(over: threading.Event) -> bool:
    """Makes the parts of the coming months, removes what is too old, drops the parts that hold nothing any more; whether there may be more to remove."""
    storage().make_parts()
    storage().installations.forget()
    more = _forget_events(over) | remove_history(over)
    dropped = storage().drop_parts()
    if dropped:
        log.info("history.parts_dropped", parts=dropped)
    return more
