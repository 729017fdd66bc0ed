"""Makes the control plane's user and key in LiteLLM through its admin API. Runs inside LiteLLM's container.

A repeat is harmless: a key that works already is left alone, and LiteLLM writes the same key over itself. The user has
no mail address and belongs to no team, so no run of the control plane touches it.
"""

import json
import os
import urllib.error
import urllib.request

BASE_URL = os.environ.get("LITELLM_BASE_URL", "http://127.0.0.1:4000")
USER_ID = "control-plane"
TIMEOUT_S = 60


def call(path, key, body=None):
    request = urllib.request.Request(
        BASE_URL + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": "Bearer " + key, "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def main(admin_key):
    # /user/list answers a proxy_admin alone, so this asks for the role and not only for the key.
    if call("/user/list?page_size=1", admin_key) == 200:
        return
    master_key = os.environ["LITELLM_MASTER_KEY"]
    user = {"user_id": USER_ID, "user_role": "proxy_admin", "auto_create_key": False}
    status = call("/user/new", master_key, user)
    if status not in (200, 409):
        raise SystemExit("LiteLLM answered %d to /user/new." % status)
    status = call("/key/generate", master_key, {"key": admin_key, "key_alias": USER_ID, "user_id": USER_ID})
    if status != 200:
        raise SystemExit("LiteLLM answered %d to /key/generate." % status)
    if call("/user/list?page_size=1", admin_key) != 200:
        raise SystemExit("LiteLLM does not accept the new key as a proxy_admin.")
