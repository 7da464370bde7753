"""Print a docker/.env with random secrets; needs nothing but Python."""

import base64
import secrets
import sys
from pathlib import Path

VALUES = {
    "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
    "SECRET_KEY": secrets.token_urlsafe(50),
    # A Fernet key is 32 random bytes in URL-safe base64.
    "PII_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
}

for line in (Path(__file__).parent / ".env.example").read_text(encoding="utf-8").splitlines():
    name = line.partition("=")[0]
    sys.stdout.write(f"{name}={VALUES[name]}\n" if name in VALUES else f"{line}\n")
