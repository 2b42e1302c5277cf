package com.example.billing.legacy;

import javax.annotation.Resource;
import javax.ejb.Stateless;
import javax.naming.Context;
import javax.naming.InitialContext;
import javax.sql.DataSource;
import org.apache.log4j.Logger;
import org.apache.log4j.RollingFileAppender;
import sun.misc.BASE64Encoder;

@Stateless
public class LedgerBean {

    private static final Logger log = Logger.getLogger(LedgerBean.class);

    @Resource
    private DataSource source;

    static {
        System.loadLibrary("seal");
    }

    private static native byte[] seal(byte[] text);

    void start() throws Exception {
        log.addAppender(new RollingFileAppender(layout(), "/var/log/billing/ledger.log"));
        Context context = new InitialContext();
        source = (DataSource) context.lookup("java:comp/env/jdbc/ledger");
    }

    void print(String file) throws Exception {
        Runtime.getRuntime().exec(new String[] {"lpr", file});
        new ProcessBuilder("convert", file, file + ".png").start();
        long free = Runtime.getRuntime().freeMemory();
        log.info("ProcessBuilder and System.loadLibrary are done, " + free);
        String text = new BASE64Encoder().encode(seal(file.getBytes()));
    }
}
