#!/bin/bash
# Starts the order service. `hostname` is asked once, kill -9 never.
set -euo pipefail
export JAVA_HOME=/usr/java/jdk1.8.0_181
export LD_LIBRARY_PATH=/opt/seal/lib
DB_PASSWORD='0rders#2020'
REDIS_PASSWORD=$(cat /run/secrets/redis)
TOKEN_FILE=/run/secrets/token
VERSION=10.4.2

ulimit -n 65535
NODE=$(hostname -s)
ADDRESS=$(ip -4 addr show eth0 | awk '/inet/ {print $2}')
LEDGER="http://10.20.30.40:8081/ledger"

if ! curl -sf http://ledger/health > /dev/null; then
    echo "the ledger is away; nohup is not used" >&2
fi

cat <<EOF
kill -9 1234
crontab -l
EOF

sudo mount -t nfs store:/export /mnt/export
nohup "$JAVA_HOME/bin/java" -Dnode="$NODE" -jar order.jar > /var/log/order/console.log 2>&1 &
echo $! > /var/run/order.pid
echo "$ADDRESS $LEDGER $DB_PASSWORD $REDIS_PASSWORD" > /dev/null
