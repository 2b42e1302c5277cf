#!/bin/sh
# Temporary files of uploads older than a day.
find /opt/order-service/tmp -type f -mtime +1 -delete
