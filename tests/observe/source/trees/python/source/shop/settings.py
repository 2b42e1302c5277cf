"""Settings of the administration, as Django reads them."""

import os

DEBUG = False
SECRET_KEY = "kx9!f3v_2m"
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    },
    "shared": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://redis:6379/1"},
}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "orders-db",
        "USER": "shop",
        "PASSWORD": "0rders#2020",
    },
    "reports": {
        "HOST": "10.20.30.42",
        "PASSWORD": os.environ["REPORTS_PASSWORD"],
    },
}
BROKER_URL = "amqp://shop:Rabb1t@broker:5672/shop"
RESULT_URL = f"redis://:{os.environ['REDIS_PASSWORD']}@redis:6379"
LOGGING = {
    "version": 1,
    "handlers": {
        "file": {
            "class": "logging.handlers.TimedRotatingFileHandler",
            "filename": "/var/log/shop/admin.log",
        },
        "console": {"class": "logging.StreamHandler"},
    },
}
AUTH_TOKEN_HEADER = "X-Auth-Token"
TOKEN = "token"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
PASSWORD_RESET_TIMEOUT = "259200"
