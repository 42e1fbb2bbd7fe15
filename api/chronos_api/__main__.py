"""``chronos-api``: serves the REST API; ``chronos-api openapi`` prints its description."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

from pydantic import ValidationError

from chronos_api.auth.apikey import ApiKeyAuthenticator, BadKeyFile, KeyFile
from chronos_api.clock import SystemClock
from chronos_api.config import Config
from chronos_api.journal import write_json_lines
from chronos_api.listener import build_server
from chronos_api.main import build_parts, build_routes, create_app
from chronos_clients.errors import ClientError
from chronos_clients.kubernetes import connect
from chronos_clients.objectstore import S3ObjectStore

log = logging.getLogger("chronos_api")

# The object store's client is synchronous: so many of its calls run side by side.
STORE_THREADS = 16


async def serve(config: Config, keys: KeyFile) -> None:
    """Serves until SIGTERM or SIGINT."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(STORE_THREADS))
    async with connect(config.kubeconfig or None) as kubernetes:
        parts = build_parts(
            config,
            kubernetes=kubernetes,
            objects=S3ObjectStore(config.store_address()),
            clock=SystemClock(),
        )
        app = create_app(
            parts,
            authenticator=ApiKeyAuthenticator(keys),
            max_requests=config.max_concurrent_requests,
        )
        pulse = asyncio.create_task(parts.pulse.run())
        try:
            server = build_server(
                app,
                host=config.bind,
                port=config.port,
                # Idle ones too; requests are bounded by the Perimeter.
                max_connections=4 * config.max_concurrent_requests,
            )
            await server.serve()
        finally:
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)


def main() -> None:
    if sys.argv[1:] == ["openapi"]:
        print(json.dumps(build_routes().openapi(), indent=2, ensure_ascii=False))
        return
    try:
        config = Config()
        write_json_lines(config.log_level)
        asyncio.run(serve(config, KeyFile(config.api_key_file)))
    except ValidationError as error:
        # Its own text shows the values, a key given by mistake among them.
        wrong = [f"CHRONOS_{'.'.join(map(str, it['loc'])).upper()}: {it['msg']}"
                 for it in error.errors(include_input=False, include_url=False)]  # fmt: skip
        sys.exit("chronos-api: wrong settings: " + "; ".join(wrong))
    except (BadKeyFile, ClientError) as error:
        sys.exit(f"chronos-api: {error}")


if __name__ == "__main__":
    main()
