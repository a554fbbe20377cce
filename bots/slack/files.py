"""Fetches what a person sent as a file. The token goes to Slack's own hosts only, and along no redirect."""

from typing import Any

import aiohttp

from bots.slack.teams import Team, Teams

LIMIT = 20_000_000
NAME_LIMIT = 200
SECONDS = 60


class NotTaken(Exception):
    """The file cannot be had; `code` and `data` say why."""

    def __init__(self, code: str, data: dict[str, Any]) -> None:
        super().__init__(code)
        self.code, self.data = code, data


async def fetch(teams: Teams, team: Team, file: dict[str, Any]) -> tuple[str, bytes]:
    """Its name and bytes. Raises NotTaken."""
    name = str(file.get("name") or "file").replace("\\", "/").rsplit("/", 1)[-1][:NAME_LIMIT]
    url, size = str(file.get("url_private_download") or file.get("url_private") or ""), file.get("size")
    if isinstance(size, int) and size > LIMIT:
        raise NotTaken("slack.file_too_large", {"name": name, "size": size, "limit": LIMIT})
    if not teams.is_slack(url):
        raise NotTaken("slack.file_gone", {"name": name})
    try:
        content = await teams.download(team, url, LIMIT, SECONDS)
    except (aiohttp.ClientError, OSError, TimeoutError):
        content = None
    # Who may not read it is given a page to sign in, as if it were the file.
    if content is None or (isinstance(size, int) and len(content) != size):
        raise NotTaken("slack.file_gone", {"name": name})
    return name, content
