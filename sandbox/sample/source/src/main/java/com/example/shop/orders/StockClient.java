package com.example.shop.orders;

import org.springframework.stereotype.Component;
import org.springframework.web.client.RestTemplate;

/** Reserves goods; since version 4.10.0.1 of the stock service one call reserves all items of an order. */
@Component
public class StockClient {

    private static final String STOCK = "http://10.20.30.40:8081/reservations";

    private final RestTemplate rest = new RestTemplate();

    public void reserve(NewOrder order) {
        rest.postForLocation(STOCK, order);
    }
}
