package com.example.billing.stock;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.MulticastSocket;
import java.net.ServerSocket;
import java.net.Socket;
import org.jgroups.JChannel;

public class Broadcast {

    private JChannel channel;

    void listen(String group) throws IOException {
        MulticastSocket socket = new MulticastSocket(4446);
        socket.joinGroup(InetAddress.getByName(group));
        byte[] buffer = new byte[256];
        socket.receive(new DatagramPacket(buffer, buffer.length));
    }

    void serve() throws IOException {
        try (ServerSocket server = new ServerSocket(9099)) {
            Socket one = server.accept();
            one.close();
        }
    }

    void serve(int port) throws IOException {
        try (ServerSocket server = new ServerSocket(port)) {
            server.accept().close();
        }
    }

    void probe(String host) throws IOException {
        new Socket(host, 9099).close();
        new DatagramSocket(514).close();
        new ServerSocket().bind(new InetSocketAddress(9100));
    }
}
