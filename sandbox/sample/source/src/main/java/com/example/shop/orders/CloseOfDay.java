package com.example.shop.orders;

import java.io.IOException;
import java.math.BigDecimal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/** Every night: one invoice an order. It runs on the machine whose profile says so, and nowhere else. */
@Component
public class CloseOfDay {

    private static final Logger LOG = LoggerFactory.getLogger(CloseOfDay.class);

    private final OrderRepository orders;
    private final InvoiceArchive archive;

    public CloseOfDay(OrderRepository orders, InvoiceArchive archive) {
        this.orders = orders;
        this.archive = archive;
    }

    @Scheduled(cron = "0 30 1 * * *")
    public void invoices() throws IOException {
        for (Order order : orders.withoutInvoice()) {
            archive.keep(order, Invoice.of(order).toPdf());
        }
        LOG.info("close of day: {}", BigDecimal.valueOf(orders.amountCentsOfToday(), 2));
    }
}
