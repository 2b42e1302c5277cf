#!/bin/sh
# Yesterday's orders for the warehouse.
DAY=$(date -d yesterday +%F)
mysqldump -uroot -pS3cret2019 orders > "/data/export/orders-$DAY.sql"
mysqldump --defaults-file=/etc/my.cnf orders | gzip | tee "/data/export/orders-$DAY.gz" > /dev/null
rsync -a /data/export/ shop@vm-2:/data/import/
scp "/data/export/orders-$DAY.gz" shop@192.168.7.11:/in
echo "exported $DAY" | mail -s "export" ops@shop.example
grep ERROR /var/log/order/order.log | tee errors.log
rm -f /data/export/*.tmp
