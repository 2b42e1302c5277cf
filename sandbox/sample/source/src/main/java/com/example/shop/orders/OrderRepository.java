package com.example.shop.orders;

import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Repository;

/** All state that lasts is in the database. */
@Repository
public class OrderRepository {

    private final JdbcTemplate jdbc;

    public OrderRepository(JdbcTemplate jdbc) {
        this.jdbc = jdbc;
    }

    // The machine used to be part of the key (InetAddress.getLocalHost().getHostName()); not since version 3.
    public void add(Order order) {
        jdbc.update("INSERT INTO orders (id, customer, amount_cents) VALUES (?, ?, ?)",
            order.number(), order.customer(), order.amountCents());
    }

    public List<Order> latest(int limit) {
        return jdbc.query("SELECT * FROM orders ORDER BY created_at DESC LIMIT ?", Order.MAPPER, limit);
    }

    public List<Order> withoutInvoice() {
        return jdbc.query("SELECT * FROM orders WHERE invoice IS NULL", Order.MAPPER);
    }

    public long amountCentsOfToday() {
        return jdbc.queryForObject("SELECT sum(amount_cents) FROM orders WHERE created_at >= CURRENT_DATE", Long.class);
    }
}
