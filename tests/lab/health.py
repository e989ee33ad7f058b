"""Asking a component whether it is well."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request

# The components' health is asked over the lab's own link, without credentials and past any proxy of the environment.
_UNVERIFIED = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_UNVERIFIED))


def answers(url: str, timeout: float = 3.0) -> bool:
    """Whether a GET of `url` is answered with 200 within `timeout` seconds."""
    try:
        with _OPENER.open(url, timeout=timeout) as response:
            return bool(response.status == http.client.OK)
    except (OSError, http.client.HTTPException):
        return False
