"""The application that is moved: takes orders over HTTP, keeps them in SQL and its sessions in Redis.

The same program is the legacy side (three processes that stand for virtual machines) and the Kubernetes side (Pods).
It starts in a fraction of a second and costs well under half a millisecond a request, so that a whole range fits
on two cores; that is why it speaks HTTP/1.1 and Redis itself instead of importing 40 MB to do so.
"""
