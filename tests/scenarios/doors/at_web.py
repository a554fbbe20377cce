"""A person at the chat page: real requests, and the page's live stream; what they see is read from the HTML that it shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import httpx
from bs4 import BeautifulSoup, Tag

from core.kernel.actor import Actor
from core.kernel.ids import new_id
from tests.emulators.changing import Changing
from tests.runners.world import World
from tests.scenarios.doors.person import PATIENCE, Person, Seen

T = TypeVar("T")
JSON = {"Accept": "application/json"}


class Fragment:
    """A line as it was at one moment."""

    def __init__(self, version: str, html: str) -> None:
        self.version, self.html = version, html

    @cached_property
    def element(self) -> Tag:
        found = BeautifulSoup(self.html, "html.parser").find("article")
        assert isinstance(found, Tag), self.html
        return found

    @cached_property
    def labels(self) -> list[str]:
        return [button.get_text(" ", strip=True) for button in self.element.find_all("button")]

    @cached_property
    def words(self) -> str:
        shown = self.element.find(class_="sheet") or self.element
        return "\n".join(shown.stripped_strings)


class Line:
    """A message at the page; `now` is what it shows."""

    def __init__(self, id: str, key: str, now: Fragment) -> None:
        self.id, self.key, self.now = id, key, now

    @property
    def words(self) -> str:
        return self.now.words

    @property
    def labels(self) -> list[str]:
        return self.now.labels

    @property
    def gone(self) -> bool:
        return False

    @property
    def previews(self) -> bool:
        """Nothing that is not ours is loaded: no element of a line may name an address elsewhere."""
        named = [
            tag.get(name) for tag in self.now.element.find_all(True) for name in ("src", "href", "action", "formaction")
        ]
        return any(one and not str(one).startswith("/") for one in named)


class AtWeb(Person):
    door = "web"

    def __init__(self, world: World, actor: Actor, url: str, cookies: Mapping[str, str], language: str) -> None:
        super().__init__(world, actor)
        asks = {"Origin": url, "Accept-Language": language}
        self.page = httpx.Client(base_url=url, headers=asks, timeout=PATIENCE, cookies=dict(cookies))
        self._changing = Changing()
        self._lines: dict[str, Line] = {}
        self._over = False
        self._last: Callable[[], None] = lambda: None
        self._open = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._open.wait(PATIENCE)

    def _listen(self) -> None:
        """The stream of the page, as a browser reads it."""
        try:
            with self.page.stream("GET", "/chat/stream", timeout=None) as stream:
                for line in stream.iter_lines():
                    if line == "event: hello":
                        self._open.set()
                    if line.startswith("data: {") and '"html"' in line:
                        self._takes([json.loads(line[6:])])
                    if self._over:
                        return
        except httpx.HTTPError:
            if not self._over:
                raise

    def _takes(self, lines: Sequence[Mapping[str, str]]) -> None:
        """An older version never takes the place of a newer one."""
        with self._changing.lock:
            for told in lines:
                known = self._lines.get(told["id"])
                if known is None or known.now.version < told["message"]:
                    fragment = Fragment(told["message"], told["html"])
                    if known is None:
                        self._lines[told["id"]] = Line(told["id"], told["key"], fragment)
                    else:
                        known.now = fragment
            self._changing.notify()

    def _posts(self, path: str, data: Mapping[str, Any], **more: Any) -> None:
        sent = {"once": str(new_id()), **data}
        self._last = lambda: self._post(path, sent, **more)
        self._last()

    def _post(self, path: str, sent: Mapping[str, Any], **more: Any) -> None:
        answered = self.page.post(path, data=dict(sent), headers=JSON, **more)
        assert answered.status_code == 200, answered.text
        told = answered.json()
        self._takes(told["lines"])
        if told["toast"]:
            self.heard.append(told["toast"])

    def goes_on_at(self, url: str) -> None:
        """The next request goes to another process, as behind a balancer."""
        cookies = dict(self.page.cookies)
        self.page = httpx.Client(base_url=url, headers={"Origin": url}, timeout=PATIENCE, cookies=cookies)

    def says(self, words: str, answering: Seen | None = None) -> None:
        place = {"reply_to": answering.id.removeprefix("d-")} if isinstance(answering, Line) else {}
        self._posts("/chat/say", {"text": words, **place})

    def sends(self, name: str, content: bytes) -> None:
        self._posts("/chat/say", {}, files={"file": (name, content)})

    def presses(self, label: str, on: Seen) -> None:
        self.keeps(label, on)()

    def keeps(self, label: str, on: Seen) -> Callable[[], None]:
        assert isinstance(on, Line)
        forms = on.now.element.select('form[data-post="tap"]')
        for form in forms:
            for button in form.find_all("button"):
                if button.get_text(" ", strip=True) == label:
                    delivery = form.find("input", {"name": "delivery"})
                    assert isinstance(delivery, Tag)
                    sent = {"token": button["value"], "delivery": delivery["value"]}
                    return lambda: self._posts("/chat/tap", sent)
        raise AssertionError(f"no button {label!r}, but {on.labels}")

    def repeats(self) -> None:
        self._last()

    def forges(self, data: str, on: Seen) -> None:
        assert isinstance(on, Line)
        self._posts("/chat/tap", {"token": data, "delivery": on.id.removeprefix("d-")})

    def fills(self, given: Mapping[str, Any], wrong: str = "") -> None:
        """All fields at once, as the browser would post them."""
        line = self.wait(lambda: next((one for one in reversed(self.messages) if _form(one) is not None), None))
        form = _form(line)
        assert form is not None
        sent: dict[str, Any] = {
            str(one["name"]): str(one.get("value", ""))
            for one in form.select('input[name="token"], input[name="delivery"]')
        }
        for question in form.select("div.question"):
            label, name = _named(question)
            sent[name] = _answer(question, given[label]) if label in given else _kept(question)
        missing = set(given) - {_named(question)[0] for question in form.select("div.question")}
        assert not missing, f"the form does not ask {missing}"
        self._posts("/chat/form", sent, files={"none": ("", b"")})
        asked = _form(line)
        complaints = (
            "\n".join(one.get_text(" ", strip=True) for one in asked.select("p.error")) if asked is not None else ""
        )
        assert wrong in complaints if wrong else not complaints, complaints

    @property
    def messages(self) -> Sequence[Line]:
        with self._changing.lock:
            return sorted((one for one in self._lines.values() if one.id.startswith("d-")), key=lambda one: one.key)

    def wait(self, look: Callable[[], T | None]) -> T:
        return self._changing.wait_until(look, PATIENCE, lambda: "it did not come")

    def close(self) -> None:
        self._over = True
        self.page.close()


def _form(line: Line) -> Tag | None:
    found = line.now.element.select_one("form.questions")
    return found if isinstance(found, Tag) else None


def _named(question: Tag) -> tuple[str, str]:
    """The question's label as it is read, and the name of its field."""
    shown = question.select_one("legend > span, label > span")
    field = question.select_one("input[name], select[name], textarea[name]")
    assert isinstance(shown, Tag) and isinstance(field, Tag)
    return shown.get_text(" ", strip=True), str(field["name"])


def _kept(question: Tag) -> Any:
    boxes = question.select('input[type="checkbox"]')
    if boxes:
        return [str(one["value"]) for one in boxes if one.has_attr("checked")] or ""
    select = question.find("select")
    if isinstance(select, Tag):
        chosen = select.find("option", selected=True)
        return str(chosen["value"]) if isinstance(chosen, Tag) else ""
    area = question.find("textarea")
    if isinstance(area, Tag):
        return area.get_text()
    field = question.select_one("input[id]")
    return str(field.get("value", "")) if isinstance(field, Tag) else ""


def _answer(question: Tag, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else ""
    offered = {one.get_text(" ", strip=True): str(one["value"]) for one in question.find_all("option")}
    ticks = {
        label.get_text(" ", strip=True): str(box["value"])
        for label in question.select("label.tick")
        if isinstance(box := label.find("input"), Tag)
    }
    if isinstance(value, list | tuple):
        return [ticks[str(one)] for one in value] or ""
    return offered.get(str(value), str(value))
