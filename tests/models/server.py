#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Serves a folder on a free port of the loopback interface and prints the port. Requests go to stderr, with Range.

Knows ranges. Below /drip/ a byte comes every 0.1 s. Below /cut/ a request from the start breaks off halfway, below
/plain/ ranges are ignored, below /chunked/ the length is not told.
"""
import http.server
import os
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        print(self.requestline, self.headers.get("Range", ""), file=sys.stderr, flush=True)

    def do_GET(self):
        path, start = self.path, 0
        mode = next((m for m in ("cut", "plain", "chunked", "drip") if path.startswith(f"/{m}/")), "")
        try:
            with open(os.path.join(sys.argv[1], path[len(mode) + 1:].lstrip("/")), "rb") as file:
                data = file.read()
        except OSError:
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        if wanted and mode != "plain":
            start = int(wanted[len("bytes="):].rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if mode != "chunked":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        for at in range(start, len(data) if mode == "drip" else start):
            self.wfile.write(data[at:at + 1])
            time.sleep(0.1)
        self.wfile.write(b"" if mode == "drip" else data[start:len(data) // 2 if mode == "cut" and not start else None])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
