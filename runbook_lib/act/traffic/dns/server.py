"""Questions to the primary server and updates by RFC 2136, both signed with TSIG; each failure is one sentence."""

from __future__ import annotations

import binascii
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.tsig
import dns.update

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, RunbookError, Unreachable
from runbook_lib.sections.traffic import Dns

_ALGORITHMS = {
    str(getattr(dns.tsig, name)).rstrip("."): getattr(dns.tsig, name)
    for name in dir(dns.tsig)
    if name.startswith("HMAC_")
}


class NotAnswered(Exception):
    """No answer came that can be believed: whether an update was carried out is not known."""


@dataclass(frozen=True)
class RecordSet:
    """The records of one name and type; ``records`` as text, ``ttl`` None when there are none."""

    name: dns.name.Name
    type: str
    records: frozenset[str]
    ttl: int | None


@dataclass(frozen=True)
class Server:
    """One primary server: where it is, the zone, and the key that signs what it is asked."""

    where: str
    address: str
    port: int
    zone: dns.name.Name
    key: dns.tsig.Key | None
    timeout: float

    def ask(self, name: dns.name.Name, type_: str) -> RecordSet:
        """What the primary itself holds, from no cache; Unreachable or BadParameters when it does not say."""
        query = dns.message.make_query(name, type_, flags=0)
        if self.key:
            query.use_tsig(self.key)
        try:
            answer = self._send(query)
        except NotAnswered as error:
            raise Unreachable(f"{error}; nothing was changed") from None
        code = answer.rcode()
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise Unreachable(
                f"{self.where} does not say what {name} {type_} holds: {_asked(code)}; nothing was changed"
            )
        if not answer.flags & dns.flags.AA:
            raise BadParameters(
                f"{self.where} has no authority for {name}: it answers from a cache; name the primary of {self.zone}"
            )
        for found in answer.answer:
            if found.name == name and found.rdtype == dns.rdatatype.from_text(type_):
                return RecordSet(name, type_, frozenset(_text(record) for record in found), found.ttl)
        if any(found.name == name for found in answer.answer):
            raise BadParameters(
                f"{name} is a CNAME; name where it leads to in traffic.knob.name, or make it the knob's record"
            )
        return RecordSet(name, type_, frozenset(), None)

    def replace(self, old: Iterable[RecordSet], new: Iterable[RecordSet]) -> None:
        """All of ``new`` at once, if exactly ``old`` stands; Busy when it does not any more, ChangeFailed when refused.

        Raises NotAnswered when it is not known whether it was done, and Unreachable when it surely was not.
        The server compares what records hold, not their TTL: RFC 2136 knows no prerequisite for that.
        """
        update = dns.update.UpdateMessage(self.zone)
        if self.key:
            update.use_tsig(self.key)
        for have in old:
            if not have.records:
                update.absent(have.name, have.type)
            for record in have.records:
                update.present(have.name, _record(have.type, record))
        for want in new:
            update.delete(want.name, want.type)
            for record in want.records:
                update.add(want.name, want.ttl or 0, _record(want.type, record))
        code = self._send(update).rcode()
        if code in _CHANGED:
            raise Busy(f"somebody else changed {', '.join(str(have.name) for have in old)} since it was read")
        if code != dns.rcode.NOERROR:
            raise ChangeFailed(f"{self.where} does not carry out the update: {_updated(code)}")

    def _send(self, message: dns.message.Message) -> dns.message.Message:
        """Over TCP: a loss shows, nobody answers in the server's name, and no answer is too long."""
        try:
            answer = dns.query.tcp(message, self.address, timeout=self.timeout, port=self.port)
        except dns.exception.Timeout:
            raise NotAnswered(f"{self.where} did not answer within {self.timeout:g} s") from None
        except ConnectionRefusedError:
            raise Unreachable(
                f"{self.where} refuses connections; check traffic.knob.server and that it answers by TCP"
            ) from None
        except (OSError, EOFError) as error:
            raise NotAnswered(
                f"{self.where} does not answer ({getattr(error, 'strerror', None) or 'it hung up'})"
            ) from None
        except dns.tsig.BadTime:
            raise NotAnswered(
                f"the answer of {self.where} is signed at another time of day: mend the clocks (NTP)"
            ) from None
        except dns.tsig.PeerError as error:
            raise _refused_key(self, error) from None
        except dns.exception.DNSException as error:
            why = " ".join(str(error).split())[:120]  # without a signature, not to our question, not DNS at all
            raise NotAnswered(f"{self.where} answers what is not to be believed ({why})") from None
        return answer


_CHANGED = {dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN}


def server_of(knob: Dns, clients: Clients) -> Server:
    """The server of the parameters; BadParameters or Unreachable when its name, its key or the zone is unusable."""
    host, port = _place(knob.server)
    try:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        raise Unreachable(
            f"traffic.knob.server: there is no address for {host}; give an address or mend the name"
        ) from None
    try:
        zone = dns.name.from_text(knob.zone)
    except dns.exception.DNSException:
        raise BadParameters(f"traffic.knob.zone: {knob.zone!r} is no name") from None
    where = f"the name server {knob.server}"
    return Server(where, address, port, zone, _key(knob, clients), knob.timeout.total_seconds())


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], 53
    if not colon or (":" in host and not host.startswith("[")):
        return text, 53
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadParameters(f"traffic.knob.server: {text!r} has no port from 1 to 65535 after its colon")
    return host.strip("[]"), int(port)


def _key(knob: Dns, clients: Clients) -> dns.tsig.Key | None:
    if knob.key is None:
        return None
    algorithm, _, rest = clients.secret(knob.key).strip().partition(":")
    name, _, secret = rest.partition(":")
    try:
        binascii.a2b_base64(secret.encode("ascii"), strict_mode=True)
        if secret and name:
            return dns.tsig.Key(name, secret, _ALGORITHMS[algorithm.lower().rstrip(".")])
    except (KeyError, ValueError, dns.exception.DNSException):
        pass  # the sentence below must not say what the key is
    raise BadParameters(
        f"the TSIG key behind {knob.key} is not algorithm:name:base64; algorithms are {', '.join(sorted(_ALGORITHMS))}"
    )


def _refused_key(server: Server, error: dns.tsig.PeerError) -> RunbookError:
    key = f"the TSIG key {server.key.name}" if server.key else "a TSIG key"
    why = {
        dns.tsig.PeerBadKey: f"does not know {key} (BADKEY): compare its name and algorithm with the server's",
        dns.tsig.PeerBadSignature: f"finds the signature of {key} wrong (BADSIG): compare the secret with the server's",
        dns.tsig.PeerBadTime: "finds our clock more than 5 minutes off (BADTIME): mend the clocks (NTP)",
    }.get(type(error), f"refuses {key} ({type(error).__name__})")
    return BadParameters(f"{server.where} {why}")


def _asked(code: dns.rcode.Rcode) -> str:
    return {
        dns.rcode.REFUSED: "REFUSED, it does not answer us: allow our address or key (allow-query)",
        dns.rcode.SERVFAIL: "SERVFAIL, it has lost the zone or could not load it: look at its log",
        dns.rcode.NOTAUTH: "NOTAUTH, it is not the zone's server or refuses the key",
    }.get(code, dns.rcode.to_text(code))


def _updated(code: dns.rcode.Rcode) -> str:
    return {
        dns.rcode.REFUSED: "REFUSED, we may not: grant the key the record and its _runbook TXT (update-policy)",
        dns.rcode.SERVFAIL: "SERVFAIL, it cannot write: look at its log, and at the folder of the zone's journal",
        dns.rcode.NOTAUTH: "NOTAUTH, it is not the zone's primary: check traffic.knob.server and .zone",
        dns.rcode.NOTZONE: "NOTZONE, the record is in no zone of that name: check traffic.knob.zone and .name",
        dns.rcode.NOTIMP: "NOTIMP, it knows no dynamic updates",
    }.get(code, dns.rcode.to_text(code))


def _record(type_: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text("IN", type_, text, relativize=False)


def _text(record: dns.rdata.Rdata) -> str:
    return str(record.to_text(relativize=False))


def strings(record: str) -> list[str]:
    """The strings of one TXT record."""
    parsed = _record("TXT", record)
    assert isinstance(parsed, dns.rdtypes.ANY.TXT.TXT)
    return [part.decode(errors="replace") for part in parsed.strings]


def quoted(parts: Iterable[str]) -> str:
    """One TXT record of those strings; none of ours holds a quote."""
    return " ".join(f'"{part}"' for part in parts)
