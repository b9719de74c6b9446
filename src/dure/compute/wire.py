"""Messages between the hub and one worker: a JSON head, then objects as they are.

No pickle: what a task gets and returns is bytes and JSON, and nothing that arrives can run code.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

_LENGTHS = struct.Struct(">QQ")


def send(channel: socket.socket, head: Mapping[str, Any], objects: Mapping[str, bytes] | None = None) -> None:
    """Sends a message whole; `OSError` when the other side is gone."""
    sizes = {name: len(data) for name, data in (objects or {}).items()}
    text = json.dumps(head).encode()
    index = json.dumps(sizes).encode()
    channel.sendall(_LENGTHS.pack(len(text), len(index)) + text + index)
    for data in (objects or {}).values():
        channel.sendall(data)


def receive(channel: socket.socket) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The next message; `EOFError` when the other side is gone."""
    text, index = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size))
    head = json.loads(_exactly(channel, text))
    sizes = json.loads(_exactly(channel, index))
    return head, {name: _exactly(channel, size) for name, size in sizes.items()}


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        try:
            got = channel.recv_into(rest)
        except OSError as error:
            raise EOFError from error
        if not got:
            raise EOFError
        rest = rest[got:]
    return bytes(data)
