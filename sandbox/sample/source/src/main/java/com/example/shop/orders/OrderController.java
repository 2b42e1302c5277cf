package com.example.shop.orders;

import java.util.ArrayList;
import java.util.List;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class OrderController {

    private final OrderRepository orders;
    private final OrderNumbers numbers;
    private final StockClient stock;

    public OrderController(OrderRepository orders, OrderNumbers numbers, StockClient stock) {
        this.orders = orders;
        this.numbers = numbers;
        this.stock = stock;
    }

    @GetMapping("/orders")
    public List<Order> latest(@RequestParam(defaultValue = "10") int limit) {
        return orders.latest(Math.min(limit, 100));
    }

    @PostMapping("/login")
    public void login(@RequestParam String customer, HttpServletRequest request) {
        HttpSession session = request.getSession(true);
        session.setAttribute("customer", customer);
        session.setAttribute("basket", new ArrayList<Item>());
    }

    @PostMapping("/orders")
    public ResponseEntity<Order> order(@RequestBody NewOrder wanted, HttpServletRequest request) {
        String customer = (String) request.getSession().getAttribute("customer");
        if (customer == null) {
            return ResponseEntity.status(HttpStatus.UNAUTHORIZED).build();
        }
        stock.reserve(wanted);
        Order order = new Order(numbers.next(), customer, wanted.amountCents());
        orders.add(order);
        return ResponseEntity.status(HttpStatus.CREATED).body(order);
    }
}
