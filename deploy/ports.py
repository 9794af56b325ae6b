"""Finds and checks ports on the loopback interface."""

import random
import socket
from collections.abc import Iterable

import requests

from deploy import DeployError

HOST = "127.0.0.1"
PORTS = range(10_000, 22_000)  # below those of outgoing connections


def is_free(port: int) -> bool:
    """Tells whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(offsets: Iterable[int] = (0,)) -> int:
    """Returns a random one of `PORTS` such that every `port + offset` is free."""
    wanted = tuple(offsets)
    while True:
        port = random.choice(PORTS)
        if all(is_free(port + offset) for offset in wanted):
            return port


def require_free(ports: Iterable[int], remedy: str) -> None:
    """Checks that a server could listen on all ports.

    Raises:
        DeployError: if a port is in use; the message names it and ends with `remedy`.
    """
    for port in ports:
        if not is_free(port):
            raise DeployError(f"port {port} is taken by another program; {remedy}")


def answers(url: str) -> bool:
    """Tells whether a server answers a GET of `url` with a success status."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
