"""Pure functions from what was measured to a Verdict; no I/O, so that any verdict can be replayed."""
