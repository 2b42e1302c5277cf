#!/bin/sh
# Gives the process ten seconds, then none.
PID=$(cat /opt/order-service/order-service.pid)
kill "$PID"
sleep 10
kill -9 "$PID" || true
