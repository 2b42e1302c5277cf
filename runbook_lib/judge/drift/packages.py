"""Which of a host's hundreds of packages matter for the move; the rest came with the system and stays with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

Kind = Literal["runtime", "library", "agent"]

# What runs the application: the image holds one of each. Modules of PHP belong to it, those of Python and Perl do not.
RUNTIME = re.compile(
    r"""(?xi) ^(?:
      (?:java|jdk|jre)[-_.]?\d | (?:java|jdk|jre|openjdk|msopenjdk)(?:-\d|-latest|$)
    | (?:temurin|zulu|dragonwell|bisheng|kona|semeru|corretto|amazon-corretto|adoptopenjdk|jdk|graalvm)[-\d].*
    | (?:rh-)?python[\d.]*$ | (?:pypy|conda|miniconda)[\d.]*$
    | node(?:js)?[-_\d.]*$ | rh-nodejs\d+$
    | (?:rh-)?php(?:[\d.]*)(?:-[\w.-]+)?$ | composer$
    | golang(?:-[\d.]+-go|-go|-bin)?$ | go$
    | (?:rh-)?ruby[\d.]*$ | perl$ | perl-base$ | erlang[\d.]*$ | lua[\d.]*$ | R-core$
    | (?:dotnet|aspnetcore)-(?:runtime|host|sdk)[-\d.]* | dotnet[\d.]*$ | mono-(?:core|runtime|complete)$
    | (?:apache-)?tomcat[-\d.]*$ | (?:jboss|wildfly|jetty|weblogic|websphere|resin|tongweb)[-\w.]*$
    | nginx(?:-core|-full)?$ | openresty$ | httpd$ | apache2$ | tengine$ | uwsgi$
    )"""
)
# What the application may load or call: the image must bring it, in one version.
LIBRARY = re.compile(
    r"""(?xi) ^(?:
      openssl(?:-libs)?[\d.]*$ | libssl[\d.]+\w*$ | glibc$ | libc6$ | musl$ | glibc-(?:langpack|locale)[-\w]* | locales$
    | libstdc\+\+\d*$ | libfreetype6$ | freetype$ | libgcc(?:-s1)?$ | tzdata(?:-java)?$ | ca-certificates(?:-java)?$
    | fontconfig$ | (?:fonts|wqy|dejavu|google-noto|cjkuni|adobe-source-han|liberation)[-\w]*
    | ImageMagick[-\w.]*$ | GraphicsMagick$ | ffmpeg$ | libreoffice(?:-core|-writer|-calc)?$ | wkhtmlto(?:pdf|x)$
    | chromium(?:-headless)?$ | google-chrome-stable$ | ghostscript$ | poppler-utils$ | tesseract(?:-ocr)?$ | pandoc$
    | libaio1?$ | oracle-instantclient[-\w.]* | (?:mysql|mariadb)-(?:libs|connector-c|client)$ | libmysqlclient\d*$
    | libpq5?$ | postgresql-libs$ | unixODBC$ | freetds$ | libmariadb3$ | librdkafka1?$ | libzmq\d?$
    | libcurl\d?$ | libxml2$ | libxslt1?\.?1?$ | libffi\d*$ | snappy$ | libsnappy\w*$ | jemalloc$ | libjemalloc2$
    | tomcat-native$ | libtcnative-1$ | apr$ | nss$ | krb5-libs$ | cyrus-sasl-lib$ | libgdiplus$ | libicu\d*$
    )"""
)
# What runs beside the application on the machine: a Pod does not have it.
AGENT = re.compile(
    r"""(?xi) ^(?:
      (?:file|metric|heart|audit|packet)beat$ | telegraf$ | collectd$ | fluentd$ | td-agent(?:-bit)?$ | fluent-bit$
    | zabbix-agent2?$ | (?:prometheus-)?node[-_]exporter$ | process[-_]exporter$ | datadog-agent$ | open-falcon\w*$
    | consul$ | nacos$ | etcd$ | keepalived$ | haproxy$ | supervisor$ | monit$ | salt-minion$ | puppet(?:-agent)?$
    | rsync$ | lsyncd$ | inotify-tools$ | vsftpd$ | nfs-(?:utils|common)$ | cifs-utils$ | glusterfs-\w+$ | sendmail$
    | postfix$ | exim4?$ | (?:at|cronie|cron|anacron|cronie-anacron)$ | logrotate$ | memcached$ | redis(?:-server)?$
    | rsyslog$ | syslog-ng$ | dnsmasq$ | nscd$ | unbound$ | squid$ | stunnel4?$ | openvpn$ | wireguard-tools$
    )"""
)


@lru_cache(maxsize=1 << 16)
def kind(name: str) -> Kind | None:
    """What a package is to the application, by its name on Red Hat, Debian and their kin; None: nothing known."""
    if RUNTIME.match(name):
        return "runtime"
    if LIBRARY.match(name):
        return "library"
    return "agent" if AGENT.match(name) else None


def matters(name: str) -> bool:
    """Whether the assessment looks at this package at all."""
    return kind(name) is not None


MEANING: dict[Kind, tuple[int, str]] = {
    "runtime": (3, "The image holds one version; the hosts with another one have been running something else."),
    "library": (2, "The image brings its own: the application has been running with this one."),
    "agent": (1, "It belongs to the machine: a Pod has none of it, unless a DaemonSet or a sidecar does."),
}


def version(facts: Mapping[str, Any], name: str) -> str | list[str] | None:
    """The versions installed, with the distribution's release; None only where no package was listed at all."""
    installed = facts.get("packages")
    if not isinstance(installed, dict) or not (installed or facts.get("packages_other")):
        return None
    found = installed.get(name)
    entries = found if isinstance(found, list) else found.split(", ") if isinstance(found, str) else [found]
    known = sorted({text for entry in entries if (text := _text(entry))})
    return known or "not installed"


def _text(entry: Any) -> str:
    if isinstance(entry, dict):
        parts = (str(entry.get(key) or "") for key in ("version", "release"))
        return "-".join(part for part in parts if part)
    return "" if entry is None else str(entry)
