package com.example.billing.util;

import org.springframework.beans.factory.annotation.Value;

public class Keys {

    public static final String PASSWORD = "password";
    public static final String TOKEN_HEADER = "X-Auth-Token";
    public static final String ACCESS_TOKEN = "access_token";
    private static final String SIGNING_SECRET = "9f2c1b7a44e0";
    private static final String OSS_ID = "LTAI4GKs9dQwErTyUiOp";
    private static final String BROKER = "amqp://billing:Rabb1t@broker:5672/billing";
    private static final String SAFE_BROKER = "amqp://billing@broker:5672/billing";

    @Value("${billing.db.password}")
    private String dbPassword;

    private String passwordHint = "the name of your first pet";

    void configure(Pool pool, Environment environment) {
        pool.setPassword("Bill1ng#");
        pool.setPassword(environment.getProperty("billing.db.password"));
        pool.setUsername("billing");
    }
}
