"""``chronos-api``: serves the API with uvicorn, logging in JSON lines."""

from __future__ import annotations

import logging
import sys

import uvicorn
from pythonjsonlogger.json import JsonFormatter

from chronos_api.auth.apikey import ApiKey, KeyUnusable
from chronos_api.config import Config


def main() -> None:
    config = Config()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=config.log_level, handlers=[handler])
    # At DEBUG botocore logs what it signs.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        ApiKey(config.api_key_file)
    except KeyUnusable as error:
        sys.exit(str(error))
    uvicorn.run(
        "chronos_api.main:app",
        host=config.bind,
        port=config.port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=config.max_concurrent_requests,
        h11_max_incomplete_event_size=32 * 1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()
