package com.example.billing.jobs;

import java.util.Properties;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.MimeMessage;

public class Letters {

    void send(Properties properties) throws Exception {
        Session session = Session.getInstance(properties);
        Message message = new MimeMessage(session);
        Transport.send(message);
    }
}
