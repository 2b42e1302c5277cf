#!/bin/sh
# Yesterday's orders for the warehouse, which fetches the file from this machine.
DAY=$(date -d yesterday +%F)
psql "$ORDERS_DATABASE" -c "\\copy (SELECT * FROM orders WHERE created_at::date = '$DAY') TO STDOUT CSV" \
    > "/data/orders/export/orders-$DAY.csv"
