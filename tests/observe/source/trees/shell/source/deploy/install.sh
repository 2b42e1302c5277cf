#!/bin/bash
sysctl -w net.core.somaxconn=4096
sysctl -a | grep somaxconn
echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse
(crontab -l; echo "0 2 * * * /opt/order/bin/export.sh") | crontab -
echo '*/5 * * * * root /opt/order/bin/clean.sh' > /etc/cron.d/order
su - order -c /opt/order/bin/start.sh
ssh vm-2 'service order restart'
service order start
echo "$HOSTNAME is installed"
nvm use 12
