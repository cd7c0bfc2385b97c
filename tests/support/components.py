"""Small programs in the place of real parts, for tests of what the supervisor does."""

import sys

from local.component import Component
from local.probe import http_missing

SERVER = """\
import http.server, sys
print("serving", flush=True)
http.server.test(http.server.SimpleHTTPRequestHandler, bind="127.0.0.1", port=int(sys.argv[1]))
"""


class Server(Component):
    """An HTTP server with the name and port given; `program` may be another Python program."""

    retries = 1
    settled_seconds = 1
    start_seconds = 20
    stop_seconds = 5
    memory_mb = 10
    remedy = "look at the test"

    def __init__(self, name, port_name, *needs, program=SERVER):
        self.name, self.ports, self.needs, self.program = name, (port_name,), needs, program

    def command(self, stack):
        return [sys.executable, "-c", self.program, str(stack.port(self.ports[0]))]

    def waiting_for(self, stack):
        return http_missing(stack.port(self.ports[0]), "/")


class Fake(Component):
    """A part that is only a name and its needs; it is never run."""

    remedy = "none"

    def __init__(self, name, *needs):
        self.name, self.needs = name, needs

    def command(self, stack):
        return []

    def waiting_for(self, stack):
        return None
