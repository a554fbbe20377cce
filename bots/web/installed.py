"""What makes the page an app on a phone or a desktop: manifest, icons, service worker, and the page that is shown while there is no connection."""

from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from bots.kit.parts import Parts
from bots.kit.raster import png
from bots.web.pages import STATIC, VERSION, draw, say_to

COLOURS = {"background_color": "#f6f5f0", "theme_color": "#1d6f5b"}
SIZES = (192, 512)
# Windows and phones cut icons into shapes of their own: what matters stays within four fifths of the width (W3C, Web Application Manifest, 1.8.1).
MASKABLE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#f6f5f0"/><g transform="translate(11.2 11.2) scale(.65)">{}</g></svg>'
DAY = {"Cache-Control": "max-age=86400"}


class Installed:
    """The routes. Nothing here is private, so all of it may be kept by browsers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/manifest.webmanifest", self._manifest, methods=["GET"])
        self.router.add_api_route("/icon/{name}.png", self._icon, methods=["GET"])
        self.router.add_api_route("/sw.js", self._worker, methods=["GET"])
        self.router.add_api_route("/offline", self._offline, methods=["GET"])

    async def _manifest(self, request: Request) -> Response:
        say = say_to(self._parts, request)
        icons = [{"src": "/static/logo.svg", "type": "image/svg+xml", "sizes": "any"}]
        icons += [{"src": f"/icon/{size}.png", "type": "image/png", "sizes": f"{size}x{size}"} for size in SIZES]
        icons += [
            {"src": f"/icon/mask-{size}.png", "type": "image/png", "sizes": f"{size}x{size}", "purpose": "maskable"}
            for size in SIZES
        ]
        told = {
            "id": "/", "name": "Nod", "short_name": "Nod", "description": say("web.install"), "lang": say.language,
            "dir": say.place.locale.text_direction, "start_url": "/", "scope": "/", "display": "standalone", "icons": icons, **COLOURS,
        }  # fmt: skip
        return JSONResponse(told, media_type="application/manifest+json", headers=DAY)

    async def _icon(self, name: str) -> Response:
        mask, _, size = name.rpartition("-")
        if mask not in ("", "mask") or not size.isdigit() or int(size) not in SIZES:
            return Response(status_code=404)
        content = await self._parts.hop(_icon, bool(mask), int(size))
        return Response(content, media_type="image/png", headers=DAY)

    async def _worker(self) -> Response:
        """At the root, for a worker rules only what lies below it."""
        script = (STATIC / "sw.js").read_text("utf-8").replace("VERSION", VERSION)
        return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    async def _offline(self, request: Request) -> Response:
        return draw("offline.html", 200, say_to(self._parts, request))


@cache
def _icon(masked: bool, size: int) -> bytes:
    logo = (STATIC / "logo.svg").read_text("utf-8")
    inner = logo[logo.index(">") + 1 : logo.rindex("</svg>")]
    return png((MASKABLE.format(inner) if masked else logo).encode(), size // 64, None)
