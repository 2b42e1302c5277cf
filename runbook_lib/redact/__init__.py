"""Secret values out of whatever is written or shown: those that are known, and what looks like one.

What cannot be found: a value that nobody told and that looks like any other word, and one that was taken apart,
encrypted or drawn into a picture. Values shorter than four characters are hidden only where one stands alone or after
its name, those shorter than eight only as whole words: hidden everywhere, they would take the record apart.

Where: in journals, evidence, records, gates and on the terminal always; in executed notebooks, their pages and kernel
logs under `runbook run` and `papermill --engine runbook`. A notebook run cell by cell in JupyterLab, or by papermill's
own engine, keeps in its own file whatever a cell prints: do not print secrets there.
"""

from runbook_lib.redact.mark import mark
from runbook_lib.redact.redactor import Redactor, told_without

__all__ = ["Redactor", "mark", "told_without"]
