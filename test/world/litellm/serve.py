"""Serves LiteLLM's application the way its own workers do: uvicorn, with the configuration in CONFIG_FILE_PATH.

The `litellm` command would first run `prisma migrate diff`, which costs ten seconds at every start and needs the
schema engine that the local world replaces. Nothing of LiteLLM is changed.
"""

import gc
import sys

import uvicorn

# The import makes millions of lasting objects and no garbage; collecting meanwhile costs seconds.
gc.disable()
import litellm.proxy.proxy_server as proxy_server  # noqa: E402

gc.freeze()
gc.enable()

uvicorn.run(proxy_server.app, host="127.0.0.1", port=int(sys.argv[1]), server_header=False)
