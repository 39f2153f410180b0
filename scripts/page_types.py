"""Write the types of the API's answers, made from its schema, for the page's JavaScript."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "plugins/hotspots_ui/web"
TYPES = WEB / "src/answers.d.ts"
OPENAPI_TYPESCRIPT = WEB / "node_modules/.bin/openapi-typescript"


def types_of(schema: dict[str, Any]) -> str:
    """Return TypeScript's types of the answers that an OpenAPI schema describes."""
    answers = {**schema, "paths": {}}
    return subprocess.run(  # noqa: S603 - our own tool
        [OPENAPI_TYPESCRIPT, "--root-types", "--root-types-no-schema-prefix"],
        cwd=WEB,
        input=json.dumps(answers),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "plugins"))
    from hotspots_ui.api import app

    TYPES.write_text(types_of(app.openapi()), encoding="utf-8")
