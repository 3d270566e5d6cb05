"""`python -m benchmarks.launching APPLICATION PORT SETTINGS`: a contender under uvicorn.

It imports nothing of Slugline, so that a contender weighs and starts as it would by itself.
"""

import json
import sys

import uvicorn


def main() -> None:
    """Serve until the process is ended. SETTINGS is a JSON object of uvicorn's settings."""
    application, port, settings = sys.argv[1:]
    uvicorn.run(application, factory=True, port=int(port), **json.loads(settings))


if __name__ == "__main__":
    main()
