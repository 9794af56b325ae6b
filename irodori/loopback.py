"""Keeps connections to this machine away from proxies, whatever the environment says.

Prefect's server, the S3 server of `make up` and the demo's board listen on the loopback interface, which a proxy
elsewhere cannot reach. This module is quick to import, because Prefect's plugin imports it.
"""

import os
from urllib.request import getproxies_environment

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def keep_loopback_direct() -> None:
    """Adds the loopback interface to NO_PROXY, and gives SOCKS proxies a scheme that clients know, in this process.

    To be called before an HTTP client is made. Processes that are started inherit both.
    """
    proxies = getproxies_environment()
    if not proxies:
        return
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        scheme, colon, address = os.environ[name].partition("://")
        if colon and scheme.lower() == "socks":  # what desktops and proxy programs set; httpx stops at it
            os.environ[name] = f"socks5://{address}"
    bypassed = [host.strip() for host in proxies.get("no", "").split(",") if host.strip()]
    if bypassed != ["*"]:
        hosts = ",".join(dict.fromkeys([*bypassed, *LOOPBACK]))
        os.environ |= {"no_proxy": hosts, "NO_PROXY": hosts}
