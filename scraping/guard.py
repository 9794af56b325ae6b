"""Checks the IP address of each established connection before any byte is sent.

A host name may resolve to a public address when it is checked and to a private one a moment later (DNS rebinding). So
the address is checked again on the connection itself.
"""

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from scraping.failures import FetchError
from scraping.permissions import is_private, is_private_address


class GuardedAdapter(HTTPAdapter):
    """Refuses a private address for a host name that was checked to be public. Does not check proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See HTTPAdapter; replaces the pools for direct connections, but not those for proxies."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _checked(connected: socket.socket, host: str) -> socket.socket:
    address = str(connected.getpeername()[0])
    if is_private_address(address) and not is_private(host.strip("[]")):
        connected.close()
        raise FetchError(f"{host} now leads to the private address {address}, after a public one")
    return connected
