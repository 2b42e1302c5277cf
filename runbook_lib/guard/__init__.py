"""`runbook guard`: watches whenever users are on the new side, and brings them back alone.

One thread an application (`duty`), one look a tick (`rounds`), one guard at a time (`lease`). It stands in for whoever
does not watch: a gate that waits, a kernel that died, the time between stages and slices.
"""
