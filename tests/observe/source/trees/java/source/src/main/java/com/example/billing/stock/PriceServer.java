package com.example.billing.stock;

import java.rmi.Naming;
import java.rmi.RemoteException;
import java.rmi.registry.LocateRegistry;
import java.rmi.server.UnicastRemoteObject;
import org.omg.CORBA.ORB;

public class PriceServer extends UnicastRemoteObject implements Prices {

    public PriceServer() throws RemoteException {
        super(0);
    }

    public static void main(String[] args) throws Exception {
        LocateRegistry.createRegistry(1099);
        Naming.rebind("prices", new PriceServer());
        ORB orb = ORB.init(args, null);
        orb.run();
    }

    /** Looks a name up in a map of ours, not in an RMI registry. */
    static Price find(Names names, String sku) {
        return names.lookup(sku);
    }
}
