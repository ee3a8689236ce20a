"""A server that dies in the middle of a conversation. It passes requests on to a server that lives."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse


@contextmanager
def dying(uri: str, at: str, *, done: bool) -> Iterator[str]:
    """The address of the server, which dies at a request for a path that contains ``at``.

    ``done``: it still carries out this request.
    """
    behind = urlparse(uri).netloc
    dead = threading.Event()

    class Front(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            if not dead.is_set():
                super().handle_one_request()
            self.close_connection = True

        def _pass_on(self) -> None:
            if dies := at in self.path:
                dead.set()
            if done or not dies:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPConnection(behind, timeout=60)
                headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            if not dies:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type", "application/json"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _pass_on

        def log_message(self, *rest: Any) -> None:
            pass

    front = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{front.server_port}"
    finally:
        front.shutdown()
        front.server_close()
