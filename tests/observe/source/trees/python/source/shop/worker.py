import asyncio
import ctypes
import logging
import logging.handlers
import multiprocessing
import os
import smtplib
import subprocess
import tempfile

import consul
import Pyro4
from apscheduler.schedulers.background import BackgroundScheduler
from cachetools import TTLCache
from kazoo.client import KazooClient

log = logging.getLogger(__name__)
log.addHandler(logging.handlers.RotatingFileHandler("/var/log/shop/worker.log", maxBytes=10**7))
log.addHandler(logging.StreamHandler())
logging.basicConfig(
    level=logging.INFO,
)

WORKERS = multiprocessing.cpu_count() * 2 + 1
FROM_ENVIRONMENT = int(os.environ.get("WORKERS", "4"))
prices = TTLCache(maxsize=10_000, ttl=60)
seal = ctypes.CDLL("/opt/seal/libseal.so")

scheduler = BackgroundScheduler(timezone="Asia/Shanghai")
scheduler.add_job(lambda: None, "cron", hour=2)


def convert(name: str) -> bytes:
    """subprocess.run(["convert"]) was too slow; os.system is not used."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call(["convert", name, f"{folder}/out.png"])
        return open(f"{folder}/out.png", "rb").read()


def announce(address: str) -> None:
    registry = KazooClient(hosts="zk:2181")
    registry.start()
    consul.Consul(host="consul").agent.service.register("worker", address=address)


def tell(text: str) -> None:
    with smtplib.SMTP("mail.example") as mail:
        mail.sendmail("shop@example.com", ["ops@example.com"], text)


async def main() -> None:
    if os.fork():
        return
    process = await asyncio.create_subprocess_exec("report")
    await process.wait()
    log.info("process %s ran subprocess.run()", os.getpid())
