package com.example.shop.orders;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.api.Test;

class OrderNumbersTest {

    @Test
    void twoNumbersDiffer() throws Exception {
        OrderNumbers numbers = new OrderNumbers();
        assertNotEquals(numbers.next(), numbers.next());
    }
}
