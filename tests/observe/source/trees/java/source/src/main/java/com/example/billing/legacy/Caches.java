package com.example.billing.legacy;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import java.util.logging.ConsoleHandler;
import java.util.logging.FileHandler;
import java.util.logging.Logger;
import net.sf.ehcache.CacheManager;

/* Caffeine.newBuilder() of old:
   new FileHandler("/var/log/old.log") */
public class Caches {

    private static final Logger LOG = Logger.getLogger("caches");
    private final Cache<String, Price> prices = Caffeine.newBuilder().maximumSize(10_000).build();
    private final HazelcastInstance shared = Hazelcast.newHazelcastInstance();

    void log() throws Exception {
        LOG.addHandler(new FileHandler("/var/log/billing/caches-%g.log", 1_000_000, 5));
        LOG.addHandler(new ConsoleHandler());
    }

    // runbook: ignore java-embedded-cache bounded to 100 entries, and cold for a minute at most
    private final CacheManager manager = CacheManager.create();
}
