"""Looks at the address that a connection has really reached.

A name may lead to a public address when it is judged and to a private one a moment later (DNS rebinding). So each
connection is judged again once it stands, before a byte is sent.
"""

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from scraping.failures import FetchError
from scraping.permissions import is_private, is_private_address


class GuardedAdapter(HTTPAdapter):
    """Sends nothing to a private address under a name that was judged public. Proxies are the user's own business."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See HTTPAdapter; the pools for direct connections, not those of proxies."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _judged(super()._new_conn(), self.host)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _judged(super()._new_conn(), self.host)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _judged(connected: socket.socket, host: str) -> socket.socket:
    address = str(connected.getpeername()[0])
    if is_private_address(address) and not is_private(host.strip("[]")):
        connected.close()
        raise FetchError(f"{host} now leads to the private address {address}, after a public one")
    return connected
