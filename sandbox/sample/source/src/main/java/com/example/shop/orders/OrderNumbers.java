package com.example.shop.orders;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.atomic.AtomicLong;
import org.springframework.stereotype.Component;

/** Order numbers begin with the machine that took the order, so that two machines never give the same one. */
@Component
public class OrderNumbers {

    private final String prefix;
    private final AtomicLong last = new AtomicLong(System.currentTimeMillis());

    public OrderNumbers() throws UnknownHostException {
        this.prefix = InetAddress.getLocalHost().getHostName();
    }

    public String next() {
        return prefix + "-" + last.incrementAndGet();
    }
}
