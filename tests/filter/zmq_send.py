#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# zmq_send.py PORT MESSAGE...: sends each message to a ZeroMQ reply socket on this machine, as the zmq filter has one,
# and prints the answers, a line each. Speaks ZMTP 3.0 (rfc.zeromq.org/spec/23) itself, so that it needs no package.

import socket
import struct
import sys

MORE, COMMAND = 1, 4


def receive(peer, size):
    data = b""
    while len(data) < size:
        part = peer.recv(size - len(data))
        if not part:
            sys.exit("zmq_send.py: the other side hung up")
        data += part
    return data


def send_frame(peer, flags, body):
    peer.sendall(bytes((flags, len(body))) + body)


def receive_frame(peer):
    flags = receive(peer, 1)[0]
    size = struct.unpack(">Q", receive(peer, 8))[0] if flags & 2 else receive(peer, 1)[0]
    return flags, receive(peer, size)


def connect(port):
    peer = socket.create_connection(("127.0.0.1", port), timeout=10)
    peer.sendall(b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    receive(peer, 64)
    send_frame(peer, COMMAND, b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"REQ")
    receive_frame(peer)
    return peer


def ask(peer, message):
    send_frame(peer, MORE, b"")             # a request is an empty frame and the message; so is the answer
    send_frame(peer, 0, message.encode())
    while True:
        flags, body = receive_frame(peer)
        if not flags & (MORE | COMMAND):
            return body.decode().strip()


connection = connect(int(sys.argv[1]))
for text in sys.argv[2:]:
    print(ask(connection, text), flush=True)
