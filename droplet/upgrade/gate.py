# Whether LiteLLM serves: run inside its container by droplet/upgrade/session, so that its master key leaves it for
# nobody. LITELLM_GATE is `version`, to be told which one serves, or the version that must be the one. No model is asked:
# a vendor that is down must not undo an upgrade.
import json
import os
import sys
import urllib.request

base = os.environ.get("LITELLM_GATE_URL", "http://127.0.0.1:4000")
wanted = os.environ["LITELLM_GATE"]


def ask(path, key=os.environ.get("LITELLM_MASTER_KEY")):
    headers = {"Authorization": "Bearer " + key} if key else {}
    with urllib.request.urlopen(urllib.request.Request(base + path, headers=headers), timeout=10) as answer:
        return json.load(answer)


def check():
    details = ask("/health/readiness/details")
    version = str(details.get("litellm_version", "")).removeprefix("v")
    if details.get("db") != "connected":
        return "it serves without its database"
    # A suffix (-stable, -nightly) is of the image, not of the code.
    if wanted != "version" and version != wanted.removeprefix("v").split("-")[0]:
        return "it calls itself " + version
    # Each reads the tables a request needs: models of the configuration, a key with its team and user.
    if not ask("/v1/models")["data"]:
        return "it offers no model"
    keys = ask("/key/list?size=1&page=1").get("keys", [])
    if keys:
        ask("/key/info?key=" + keys[0])
    if wanted == "version":
        print(version)
        return None
    print("ready, version %s, its models and %s read" % (version, "a key" if keys else "no key there"))
    return None


try:
    problem = check()
except Exception as error:  # whatever it is, it does not serve
    # Never the text of it: that may quote what was sent.
    problem = "%s %s" % (type(error).__name__, getattr(error, "code", ""))
if problem:
    print(problem.strip())
    sys.exit(1)
