"""Files of all workspaces, and the addresses that an app uploads to."""

from __future__ import annotations

import itertools
import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .message import SentFile

if TYPE_CHECKING:
    from .team import Team


@dataclass
class Upload:
    """A promised file: `content` is None until somebody has sent it."""

    file_id: str
    team: Team
    name: str
    length: int
    owner: str
    content: bytes | None = None
    done: bool = False


class Files:
    def __init__(self, url: str) -> None:
        self.url = url
        self.kept: dict[str, SentFile] = {}
        self.uploads: dict[str, Upload] = {}
        self.unready: dict[str, int] = {}
        self.slow = 0
        self._numbers = itertools.count(1)

    def promise(self, team: Team, name: str, length: int, owner: str) -> Upload:
        upload = Upload(f"F0{next(self._numbers):07d}E", team, name, length, owner)
        self.uploads[upload.file_id] = upload
        return upload

    def keep(self, team: Team, name: str, title: str, mime: str, content: bytes, owner: str) -> SentFile:
        file = SentFile(f"F0{next(self._numbers):07d}E", name, title, mime, content, owner)
        self.kept[f"{team.id}-{file.id}"] = file
        return file

    def complete(self, upload: Upload, title: str) -> SentFile:
        mime = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
        file = SentFile(upload.file_id, upload.name, title, mime, upload.content or b"", upload.owner)
        upload.done = True
        if self.slow:
            self.unready[file.id] = self.slow
        self.kept[f"{upload.team.id}-{file.id}"] = file
        return file

    def as_json(self, file: SentFile) -> dict[str, Any]:
        """The file object; `url_private_download` wants the token of an app with files:read."""
        place = next(key for key, one in self.kept.items() if one is file)
        address = f"{self.url}/files-pri/{place}"
        kind = file.name.rpartition(".")[2] if "." in file.name else "binary"
        return {
            "id": file.id, "created": 1_700_000_000, "timestamp": 1_700_000_000, "name": file.name,
            "title": file.title, "mimetype": file.mime, "filetype": kind, "pretty_type": kind.upper(),
            "user": file.owner, "mode": "hosted", "size": file.size, "is_external": False, "is_public": False,
            "url_private": f"{address}/{file.name}", "url_private_download": f"{address}/download/{file.name}",
            "permalink": f"{address}/{file.name}",
        }  # fmt: skip

    def known(self, team: Team, reference: dict[str, Any]) -> SentFile | None:
        """The file of the team that a block names by id or address; None for none, and for one that is not processed yet."""
        for place, file in self.kept.items():
            named = reference.get("id") == file.id or reference.get("url", "-") == self.as_json(file)["permalink"]
            if not named or not place.startswith(f"{team.id}-"):
                continue
            if self.unready.get(file.id, 0) > 0:
                self.unready[file.id] -= 1
                return None
            return file
        return None
