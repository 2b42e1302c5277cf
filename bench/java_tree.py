"""A Java tree as large services have them, from templates with a fixed seed; some of it is bound to its machine."""

from __future__ import annotations

import random
from pathlib import Path

NOUNS = (
    "Order",
    "Invoice",
    "Customer",
    "Payment",
    "Stock",
    "Basket",
    "Shipment",
    "Refund",
    "Voucher",
    "Price",
    "Ledger",
)
FIELDS = ("id", "number", "name", "status", "amount", "currency", "createdAt", "owner", "remark", "channel", "region")
TYPES = ("String", "Long", "Integer", "BigDecimal", "Boolean", "LocalDateTime")
BOUND = (
    "private final String host = InetAddress.getLocalHost().getHostName();",
    'try (FileOutputStream out = new FileOutputStream("/data/export/" + name)) { out.write(bytes); }',
    'request.getSession(true).setAttribute("basket", basket);',
    'private static final String LEDGER = "http://10.20.30.{n}:8080/ledger";',
    'Runtime.getRuntime().exec("convert " + name);',
    'log.addHandler(new FileHandler("/var/log/app/{n}.log"));',
)  # fmt: skip
ALIKE = (
    "// InetAddress.getLocalHost() was here until the numbers moved to the database",
    'log.debug("new FileOutputStream({}) is no longer used", name);',
    'private static final String VERSION = "4.10.0.{n}";',
    "/* Runtime.getRuntime().exec is not allowed */",
    'model.setAttribute("basket", basket);',
)
HEAD = """package com.example.shop.{package};

import java.math.BigDecimal;
import java.net.InetAddress;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

import jakarta.servlet.http.HttpServletRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * Keeps the {noun} of a customer, and tells the others when it changes.
 *
 * @since 2.{n}
 */
@Service
public class {name} {{

    private static final Logger log = LoggerFactory.getLogger({name}.class);
"""
FIELD = """
    /** 订单的{field}：由上游写入，不可为空。 */
    private {type} {field}{n};

    public {type} get{Field}{n}() {{
        return {field}{n};
    }}

    public void set{Field}{n}({type} {field}{n}) {{
        this.{field}{n} = {field}{n};
    }}
"""
METHOD = """
    @Transactional(readOnly = {flag})
    public List<{noun}> find{noun}By{Field}{n}(Map<String, Object> criteria, int limit) {{
        // the caller has checked the criteria; a limit of zero means all
        List<{noun}> found = new ArrayList<>();
        for (Map.Entry<String, Object> entry : criteria.entrySet()) {{
            if (entry.getValue() == null || "".equals(entry.getValue())) {{
                continue;
            }}
            log.info("criterion {{}} of {{}} is {{}}", entry.getKey(), "{field}", entry.getValue());
            Optional<{noun}> one = repository.findFirst("{field}", entry.getValue());
            one.filter(value -> value.getAmount().compareTo(new BigDecimal("{n}.00")) > 0)
                .map(value -> value.withStatus("CHECKED"))
                .ifPresent(found::add);
        }}
        return found.stream().limit(limit == 0 ? Integer.MAX_VALUE : limit).collect(Collectors.toList());
    }}
"""


def write_tree(root: Path, count: int, seed: int = 7) -> int:
    """Writes ``count`` classes of 100 to 300 lines, sixty a package; returns how many places bind the machine."""
    chance = random.Random(seed)
    planted = 0
    for number in range(count):
        folder = root / "src" / "main" / "java" / "com" / "example" / "shop" / f"part{number // 60:03}"
        folder.mkdir(parents=True, exist_ok=True)
        text, places = _class(chance, number)
        planted += places
        noun = NOUNS[number % len(NOUNS)]
        (folder / f"{noun}Service{number}.java").write_text(text, encoding="utf-8")
    return planted


def _class(chance: random.Random, number: int) -> tuple[str, int]:
    noun = NOUNS[number % len(NOUNS)]
    parts = [HEAD.format(package=f"part{number // 60:03}", noun=noun, name=f"{noun}Service{number}", n=number % 10)]
    wanted = chance.randint(100, 300)
    places = 0
    while sum(part.count("\n") for part in parts) < wanted - 12:
        field, n = chance.choice(FIELDS), len(parts)
        template = METHOD if chance.random() < 0.55 else FIELD
        parts.append(
            template.format(
                noun=noun, n=n, field=field, Field=field.capitalize(), type=chance.choice(TYPES), flag="true"
            )
        )
    draw = chance.random()
    if draw < 0.15:
        parts.append(_method(chance.choice(BOUND).replace("{n}", str(number % 200))))
        places = 1
    elif draw < 0.35:
        parts.append(_method(chance.choice(ALIKE).replace("{n}", str(number % 200))))
    return "".join(parts) + "}\n", places


def _method(line: str) -> str:
    if line.startswith("private"):
        return f"\n    {line}\n"
    return f"\n    void step(String name) throws Exception {{\n        {line}\n    }}\n"
