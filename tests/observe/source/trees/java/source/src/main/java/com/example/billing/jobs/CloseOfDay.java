package com.example.billing.jobs;

import java.time.Clock;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.Timer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.quartz.Scheduler;
import org.quartz.impl.StdSchedulerFactory;
import org.springframework.mail.javamail.JavaMailSender;
import org.springframework.scheduling.annotation.Scheduled;

public class CloseOfDay {

    private final ScheduledExecutorService every = Executors.newScheduledThreadPool(2);
    private final ExecutorService workers = Executors.newFixedThreadPool(4);
    private final Timer timer = new Timer("close", true);
    private JavaMailSender mails;

    @Scheduled(cron = "0 30 1 * * *", zone = "Asia/Shanghai")
    public void close() {
        LocalDate day = LocalDate.now().minusDays(1);
        workers.submit(() -> run(day));
    }

    // @Scheduled(fixedDelay = 1000) ran too often
    public void run(LocalDate day) {
        LocalDateTime begin = day.atStartOfDay();
        ZoneId zone = ZoneId.systemDefault();
        begin.atZone(zone);
    }

    @XxlJob("settle")
    public void settle(Clock clock) {
        run(LocalDate.now(clock));
    }

    Scheduler quartz() throws Exception {
        return StdSchedulerFactory.getDefaultScheduler();
    }
}
