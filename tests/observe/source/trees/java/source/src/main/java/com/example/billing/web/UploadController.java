package com.example.billing.web;

import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.apache.commons.io.FileUtils;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.multipart.MultipartFile;

public class UploadController {

    private static final Path INVOICES = Paths.get("/data/billing/invoices");
    private static final String WINDOWS = "D:\\billing\\export";
    private final File drop = new File("/mnt/nas/drop");

    void store(MultipartFile upload) throws IOException {
        File target = new File(drop, upload.getOriginalFilename());
        upload.transferTo(target);
    }

    void write(byte[] bytes, String name) throws IOException {
        Files.createDirectories(INVOICES);
        try (OutputStream out = new FileOutputStream(INVOICES.resolve(name).toFile())) {
            out.write(bytes);
        }
        FileUtils.writeByteArrayToFile(new File(WINDOWS, name), bytes);
    }

    void report(String text) throws IOException {
        try (PrintWriter out = new PrintWriter("report.txt")) {
            out.println(text);
        }
        Path scratch = Files.createTempFile("report", ".pdf");
        Files.delete(scratch);
        File folder = new File(System.getProperty("java.io.tmpdir"), "billing");
        folder.mkdirs();
    }

    @GetMapping("/data/billing/invoices/{name}")
    void download(String name, HttpServletResponse response) throws IOException {
        try (FileInputStream in = new FileInputStream(new File(drop, name))) {
            in.transferTo(response.getOutputStream());
        }
        Files.copy(INVOICES.resolve(name), response.getOutputStream());
        response.getWriter().println("new FileOutputStream(\"/data/x\")");
    }
}
