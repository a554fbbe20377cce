"""Where the way out of a house is a proxy, Telegram is asked through it, as the environment names it."""

import asyncio

import pytest

from bots.telegram.request import Request


def test_a_proxy_of_the_environment_is_used_with_its_login_and_not_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        near = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://mia:secret@{near}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, near)
        request = Request(4)
        await request.initialize()
        try:
            for _ in range(2):
                assert (await request.do_request("http://telegram.invalid/botX/getMe", "POST"))[0] == 200
            assert (await request.do_request(f"http://{near}/botX/getMe", "POST"))[0] == 200
        finally:
            await request.shutdown()
            server.close()

    asyncio.run(asyncio.wait_for(ask(), 30))
    through, again, direct = heads
    assert through.startswith("POST http://telegram.invalid/botX/getMe ") and again.startswith(through.split("\r\n")[0])
    assert "Proxy-Authorization: Basic bWlhOnNlY3JldA==" in through
    assert direct.startswith("POST /botX/getMe ") and "Proxy" not in direct
