package com.example.billing;

import java.io.FileWriter;
import java.net.InetAddress;

class MachineTest {
    void name() throws Exception {
        new FileWriter("/tmp/x").close();
        InetAddress.getLocalHost();
        String password = "hunter2";
    }
}
