package com.example.shop.orders;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import org.springframework.stereotype.Component;

/** Keeps every invoice as a PDF; customer service opens them through a network share of the machine. */
@Component
public class InvoiceArchive {

    private static final File FOLDER = new File("/data/orders/invoices");

    public void keep(Order order, byte[] pdf) throws IOException {
        File file = new File(FOLDER, order.number() + ".pdf");
        try (OutputStream out = new FileOutputStream(file)) {
            out.write(pdf);
        }
    }
}
