package com.example.billing.stock;

import com.alibaba.dubbo.config.annotation.Reference;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.apache.zookeeper.ZooKeeper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Jedis;

public class StockClient {

    private static final Logger log = LoggerFactory.getLogger(StockClient.class);

    // the protocol's version, not an address: 10.2.0.1
    private static final String PROTOCOL = "2.10.0.1";

    private static final String LEDGER = "http://10.20.30.40:8081/reservations";
    private static final String[] BROKERS = {
        "192.168.7.11",
        "192.168.7.12",
    };
    private static final String PUBLIC_GATEWAY = "https://47.98.12.13/pay";
    private static final String AGENT = "http://localhost:8126/v0.4/traces";
    private static final String WILDCARD = "0.0.0.0:9090";

    @Reference
    private StockService stock;

    Connection open() throws SQLException {
        return DriverManager.getConnection("jdbc:mysql://stock-db/stock", "stock", "St0ck!2019");
    }

    Connection openAgain(String url, String password) throws SQLException {
        return DriverManager.getConnection(url, "stock", password);
    }

    Jedis cache() {
        return new Jedis("127.0.0.1", 6379);
    }

    ZooKeeper registry(String servers) throws Exception {
        log.info("connecting to {}", servers.length());
        return new ZooKeeper(servers, 30000, event -> log.debug("{}", event));
    }
}
