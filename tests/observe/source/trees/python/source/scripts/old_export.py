#!/usr/bin/python2
# Export of the night, untouched since 2014.
import time
import urllib2

stamp = time.localtime()
print "export begins", stamp
page = urllib2.urlopen("http://192.168.7.11/orders").read()
open("/data/export/orders.csv", "wb").write(page)
