"""Serve the real seed from a database in `.demo`, loaded through the admin endpoint.

Everything is done as an operator would: the server is started, asked whether it is ready, and
given the seed by `slugline load`. It then serves until it is interrupted.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLUGLINE = (sys.executable, "-m", "app")
START_SECONDS = 30
SUFFIXES = {"HTML": "", "Markdown": ".md", "text": ".txt", "JSON-LD": ".jsonld", "JSON": ".json"}
SEED_SLUG = "chinas-biotech-surge-sparks-us-security-concerns-as-drug-trials-break-records-in"


def main() -> int:
    """Run the demonstration and return its exit status."""
    parser = argparse.ArgumentParser(description="Serve the seed.")
    parser.add_argument("--port", type=int, default=8000)
    port: int = parser.parse_args().port
    # `kill` ends this as Ctrl-C does, so that the server never outlives it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = ROOT / ".demo"
    folder.mkdir(exist_ok=True)
    base = f"http://localhost:{port}"
    token = os.environ.get("SLUGLINE_ADMIN_TOKEN") or secrets.token_urlsafe(24)
    environment = {
        **os.environ,
        "SLUGLINE_DATABASE_URL": f"sqlite:///{folder / 'slugline.db'}",
        "SLUGLINE_PUBLIC_BASE_URL": base,
        "SLUGLINE_ADMIN_TOKEN": token,
    }
    if answers(port):
        print(f"Port {port} is taken. Choose another: make demo PORT=8001", file=sys.stderr)
        return 1
    server = subprocess.Popen([*SLUGLINE, "serve", "--port", str(port)], env=environment, cwd=ROOT)  # noqa: S603 - our own command
    try:
        if not ready(server, port):
            return 1
        seeds = [str(path) for path in sorted((ROOT / "seeds").glob("*.txt"))]
        subprocess.run([*SLUGLINE, "load", *seeds], env=environment, cwd=ROOT, check=True)  # noqa: S603 - our own command
        introduce(base, token)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    except subprocess.CalledProcessError as error:
        return error.returncode
    finally:
        server.terminate()
        server.wait()


def ready(server: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until the server can serve. Return False where it ends instead."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if answers(port):
            return True
        time.sleep(0.05)
    return False


def answers(port: int) -> bool:
    """Say whether something answers for an HTTP server at `port`."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def introduce(base: str, token: str) -> None:
    """Say where the article is, in all its forms, and how to load more."""
    print("\nThe article is served as")
    for name, suffix in SUFFIXES.items():
        print(f"  {name:9} {base}/news/{SEED_SLUG}{suffix}")
    print("\nTo load more, in another terminal:")
    print(f"  export SLUGLINE_ADMIN_TOKEN={token} SLUGLINE_PUBLIC_BASE_URL={base}")
    print("Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
