#!/bin/sh
# Starts the Java process beside the web service. The heap leaves room for it on the 4 GB machines.
cd /opt/order-service || exit 1
ulimit -n 65535
MACHINE=$(hostname -s)
JAVA_OPTS="-Xms512m -Xmx512m -XX:MaxMetaspaceSize=128m -Dmachine=$MACHINE"
nohup java $JAVA_OPTS -jar order-service.jar > /var/log/order-service/console.log 2>&1 &
echo $! > /opt/order-service/order-service.pid
