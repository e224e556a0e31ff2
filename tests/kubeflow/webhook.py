"""A webhook that remembers what it hears."""

import contextlib
import http.server
import json
import threading


@contextlib.contextmanager
def webhook_server(answer):
    """Serves a webhook.

    Args:
        answer: HTTP status of every answer.

    Yields:
        Its URL, and the list of what it heard, parsed.
    """
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
        server.shutdown()
