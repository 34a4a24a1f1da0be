"""Sends one command to a MongoDB server, without any package: what the start scripts need, and no more.

usage: command.py HOST PORT wait-ready SECONDS | rs-init NAME [PORT...] | is-primary | create-user NAME PASSWORD

rs-init takes the ports of all members, or the server alone. With MONGO_TLS_CA, a PEM file of whom to trust, it
comes by TLS.
"""

import os
import socket
import ssl
import struct
import sys
import time

OP_MSG = 2013
ALREADY_INITIALIZED, UNAUTHORIZED, USER_EXISTS = 23, 13, 51003


def encode(document):
    """BSON of a dict of strings, 32-bit integers, booleans, lists and dicts."""
    out = b""
    for name, value in document.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            out += b"\x08" + key + bytes([value])
        elif isinstance(value, int):
            out += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            out += b"\x02" + key + struct.pack("<i", len(text)) + text
        elif isinstance(value, dict):
            out += b"\x03" + key + encode(value)
        elif isinstance(value, list):
            out += b"\x04" + key + encode({str(i): item for i, item in enumerate(value)})
        else:
            raise TypeError(f"{name}: {value!r}")
    return struct.pack("<i", len(out) + 5) + out + b"\0"


def decode(data, at=0):
    """The dict of a BSON document; types that no answer here has are an error."""
    end = at + struct.unpack_from("<i", data, at)[0] - 1
    at += 4
    document = {}
    while at < end:
        kind = data[at]
        stop = data.index(b"\0", at + 1)
        name = data[at + 1 : stop].decode()
        at = stop + 1
        if kind == 1:
            document[name] = struct.unpack_from("<d", data, at)[0]
            at += 8
        elif kind == 2:
            size = struct.unpack_from("<i", data, at)[0]
            document[name] = data[at + 4 : at + 3 + size].decode("utf8", "replace")
            at += 4 + size
        elif kind in (3, 4):
            inner = decode(data, at)
            document[name] = inner if kind == 3 else list(inner.values())
            at += struct.unpack_from("<i", data, at)[0]
        elif kind == 5:
            size = struct.unpack_from("<i", data, at)[0]
            document[name] = data[at + 5 : at + 5 + size]
            at += 5 + size
        elif kind == 7:
            document[name] = data[at : at + 12].hex()
            at += 12
        elif kind == 8:
            document[name] = data[at] == 1
            at += 1
        elif kind in (9, 17, 18):
            document[name] = struct.unpack_from("<q", data, at)[0]
            at += 8
        elif kind == 10:
            document[name] = None
        elif kind == 16:
            document[name] = struct.unpack_from("<i", data, at)[0]
            at += 4
        else:
            raise ValueError(f"{name}: BSON type {kind}")
    return document


def connect(host, port):
    """A connection, encrypted if the server asks for that."""
    connection = socket.create_connection((host, port), 10)
    authority = os.environ.get("MONGO_TLS_CA")
    if not authority:
        return connection
    return ssl.create_default_context(cafile=authority).wrap_socket(connection, server_hostname=host)


def run(host, port, command):
    """Sends a command to the admin database and returns the answer."""
    with connect(host, port) as connection:
        body = struct.pack("<i", 0) + b"\0" + encode({**command, "$db": "admin"})
        connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, OP_MSG) + body)
        answer = b""
        while len(answer) < 4 or len(answer) < struct.unpack_from("<i", answer)[0]:
            part = connection.recv(65536)
            if not part:
                raise ConnectionError("the server closed the connection")
            answer += part
        return decode(answer, 21)


def wait_until(seconds, what, condition):
    """Asks again and again until the condition holds; a server that is not there yet is no failure."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def succeed(answer, *accepted):
    """Ends with the answer unless it is a success or one of the accepted error codes."""
    if answer.get("ok") != 1.0 and answer.get("code") not in accepted:
        sys.exit(str(answer))


def main():
    """Carries out the command line."""
    host, port, what, *rest = sys.argv[1:]
    port = int(port)
    is_primary = lambda port=port: run(host, port, {"hello": 1}).get("isWritablePrimary")  # noqa: E731
    if what == "wait-ready":
        wait_until(float(rest[0]), "an answer", lambda: run(host, port, {"ping": 1}))
    elif what == "rs-init":
        ports = [int(member) for member in rest[1:]] or [port]
        members = [{"_id": i, "host": f"{host}:{port}"} for i, port in enumerate(ports)]
        answer = run(host, port, {"replSetInitiate": {"_id": rest[0], "members": members}})
        # With users in place, the command needs a login; then it was initiated before.
        succeed(answer, ALREADY_INITIALIZED, UNAUTHORIZED)
        wait_until(60, "a primary", lambda: any(is_primary(port) for port in ports))
    elif what == "is-primary":
        if not is_primary():
            sys.exit("not primary")
    elif what == "create-user":
        # Allowed once, from the same machine, as long as there is no user.
        succeed(run(host, port, {"createUser": rest[0], "pwd": rest[1], "roles": ["root"]}), UNAUTHORIZED, USER_EXISTS)
    else:
        sys.exit(__doc__)


main()
