"""What a Telepresence 1 client answers its proxy's polls with: HEAD alone, one request at a time.

As ``launch_local_server`` of telepresenceio/telepresence 0.109. Prints the port it took of the loopback address.
"""

from __future__ import annotations

import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers HEAD with 200 and, by its base class, every other method with 501."""

    def do_HEAD(self) -> None:
        """Say that the client is there."""
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
