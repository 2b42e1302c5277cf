"""What executes notebooks: kernels, an engine with a truthful status, the order of steps, what the terminal shows."""

import sys

# jsonschema, which nbformat brings, compiles a grammar of IRIs for a second where it finds one; no notebook has an IRI
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
