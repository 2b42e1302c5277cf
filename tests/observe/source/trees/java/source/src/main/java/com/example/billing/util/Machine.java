package com.example.billing.util;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Enumeration;

/** 机器信息：用于生成流水号前缀。 */
public final class Machine {

    private Machine() {
    }

    public static String name() throws UnknownHostException {
        return InetAddress.getLocalHost().getHostName();
    }

    public static String pod() {
        String fromEnvironment = System.getenv("HOSTNAME");
        return fromEnvironment == null ? "unknown" : fromEnvironment;
    }

    public static String firstAddress() throws SocketException {
        Enumeration<NetworkInterface> all = NetworkInterface.getNetworkInterfaces();
        while (all.hasMoreElements()) {
            NetworkInterface one = all.nextElement();
            if (!one.isLoopback()) {
                return one.getInetAddresses().nextElement().getHostAddress();
            }
        }
        return "";
    }

    /** An address somebody else gave: nothing of this machine is asked. */
    public static InetAddress parse(String text) throws UnknownHostException {
        return InetAddress.getByName(text);
    }

    public static int workers() {
        return Math.max(2, Runtime.getRuntime().availableProcessors() * 2);
    }

    public static boolean isLocal(String ip) {
        return "127.0.0.1".equals(ip) || "0:0:0:0:0:0:0:1".equals(ip) || ip.startsWith("localhost");
    }
}
