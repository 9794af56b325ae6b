"""Decides whether a site permits a request: hosts of the site, private addresses, X-Robots-Tag."""

import ipaddress
import socket
from functools import cache
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

OPT_OUTS = frozenset({"noai", "noimageai"})


def same_site(host: str, site_host: str) -> bool:
    """Tells whether `host` belongs to the site: it is the same host, or is below the same registered name.

    img3.gelbooru.com and cdn.donmai.us belong to gelbooru.com and danbooru.donmai.us. An IP address matches only
    itself.
    """
    if host == site_host:
        return True
    domain = _registered_name(site_host)
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _registered_name(host: str) -> str:
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host:
        return ""
    # below suffixes such as co.uk, names are registered at the third label
    num_labels = 3 if len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 2
    return ".".join(labels[-num_labels:])


@cache
def is_private(host: str) -> bool:
    """Tells whether the name resolves to an address that the public internet cannot reach.

    A name behind an HTTP proxy, or one that cannot be resolved, is not checked and counts as public.
    """
    if select_proxy(f"http://{host}", get_environ_proxies(f"http://{host}")):
        return False
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return any(is_private_address(str(info[4][0])) for info in found)


def is_private_address(address: str) -> bool:
    """Tells whether an address is not public; IPv4, or IPv6 with or without a zone ("fe80::1%eth0")."""
    return not ipaddress.ip_address(address.split("%")[0]).is_global


def objection(url: str, site: str) -> str | None:
    """Returns why a file or redirect of `site` (a URL) must not be fetched from `url`; None if it may."""
    try:
        parts, site_host = urlsplit(url), urlsplit(site).hostname or ""
        host = parts.hostname or ""
    except ValueError:
        return f"not a web address: {url[:200]!r}"
    if parts.scheme not in {"http", "https"} or not host:
        return f"not a web address: {url[:200]!r}"
    if not same_site(host, site_host):
        return f"{host} does not belong to {site_host}"
    if is_private(host) and not is_private(site_host):
        return f"{host} is a private address, but {site_host} is public"
    return None


def opts_out(header: str, agent: str) -> str | None:
    """Returns the directive of an X-Robots-Tag header that forbids `agent` any use for AI; None if there is none.

    A directive may be for one robot ("otherbot: noai"); only those for all robots, "*" or `agent` count.
    """
    for part in header.lower().split(","):
        robot, _, directive = part.strip().rpartition(":")
        if directive.strip() in OPT_OUTS and robot.strip() in {"", "*", agent.lower()}:
            return directive.strip()
    return None
