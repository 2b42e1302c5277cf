package com.example.billing.test;

/** Runs in production: a folder called test below main is no test. */
public class SelfTest {
    String run() throws Exception {
        return java.net.InetAddress.getLocalHost().getHostAddress();
    }
}
