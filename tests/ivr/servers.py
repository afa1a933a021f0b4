"""A tiny real HTTP server for tests: answers by a function, remembers what was posted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Posted:
    path: str
    pairs: tuple[tuple[str, str], ...]
    signature: str

    @property
    def fields(self) -> dict[str, str]:
        return dict(self.pairs)


Answer = Callable[[Posted], "tuple[int, str] | None"]


@dataclass
class Server:
    url: str
    posted: list[Posted] = field(default_factory=list)


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Serve POSTs: `answer` gives status and XML, or None to drop the connection unanswered."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            pairs = tuple(parse_qsl(body, keep_blank_values=True))
            post = Posted(self.path, pairs, self.headers.get("X-Twilio-Signature", ""))
            server.posted.append(post)
            answered = answer(post)
            if answered is None:
                self.close_connection = True
                return
            content = answered[1].encode()
            self.send_response(answered[0])
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
