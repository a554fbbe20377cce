"""The web door: the chat page for people, REST for programs, one process."""

import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType


def main() -> int:
    """Serves until SIGTERM or SIGINT; the exit code."""
    import uvicorn

    from bots import wiring
    from bots.web.app import make_web
    from core.kernel.garbage import keep_what_is_loaded
    from core.kernel.settings import settings

    chosen = settings()
    wiring.see("web")
    web = make_web(wiring.parts(), chosen, wiring.schema_is_current(chosen), lambda: wiring.metrics(chosen))

    class Server(uvicorn.Server):
        """Announces itself; a signal ends the open streams at once, so that nothing holds the end up."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            keep_what_is_loaded()
            if self.started and chosen.ready_fd is not None:
                with suppress(OSError):  # A supervisor that is gone needs no answer.
                    os.write(chosen.ready_fd, b"ready\n")
                    os.close(chosen.ready_fd)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            web.streams.stop()
            super().handle_exit(sig, frame)

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            """Like uvicorn's, without raising the signal again afterwards: an asked-for end is a good one."""
            before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    # No access log: the sign-in address is a secret.
    server = Server(
        uvicorn.Config(
            web.app,
            host=chosen.host,
            port=chosen.port,
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=30,
            proxy_headers=chosen.public_url is not None,
        )
    )
    server.run()
    return 0 if server.started else 1
