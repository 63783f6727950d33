#!/usr/bin/env python3
"""Verifies a ledger from what `servanda export --raw` writes, without servanda.

    verify.py [--head COUNT:LINK] [--events] [FILE]        FILE is standard input if absent or -

Written from docs/format.md alone, for Python 3.8 or later and its standard library; if the package `blake3` is
there, it hashes with that, only faster. Every finding is a line that names the record. The verdict comes last, and
says what was not checked. Exit codes: 0 sound, 10 integrity broken, 2 usage.
"""
import argparse
import datetime
import json
import re
import struct
import sys

# ---- BLAKE3, as its paper has it ----

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEY_CONTEXT, KEY_MATERIAL = 1, 2, 4, 8, 32, 64
SHUFFLE = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
COLUMNS_AND_DIAGONALS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def compress(key, block, counter, flags):
    """The next chaining value: eight words, from eight words and a block of at most 64 bytes."""
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*key, *IV[:4], counter & 0xFFFFFFFF, counter >> 32, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            for word, right, then in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & 0xFFFFFFFF
                x = v[d] ^ v[a]
                v[d] = (x >> right | x << 32 - right) & 0xFFFFFFFF
                v[c] = v[c] + v[d] & 0xFFFFFFFF
                x = v[b] ^ v[c]
                v[b] = (x >> then | x << 32 - then) & 0xFFFFFFFF
        m = [m[i] for i in SHUFFLE]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def subtree(key, data, chunk, flags, root):
    """The chaining value of a tree over data that begins at this chunk; `root` is ROOT for the whole, else 0."""
    if len(data) <= 1024:
        last = max(0, len(data) - 1) // 64
        for i in range(last + 1):
            ends = (CHUNK_START if i == 0 else 0) | (CHUNK_END | root if i == last else 0)
            key = compress(key, data[64 * i:64 * i + 64], chunk, flags | ends)
        return key
    left = 1 << ((len(data) - 1) // 1024).bit_length() - 1  # chunks: a power of two, at least half, never all
    both = (subtree(key, data[:1024 * left], chunk, flags, 0)
            + subtree(key, data[1024 * left:], chunk + left, flags, 0))
    return compress(key, struct.pack("<16I", *both), 0, flags | PARENT | root)


def pure_hasher(context):
    """BLAKE3 derive_key with this context, as a function from bytes to 32 bytes."""
    key = subtree(IV, context.encode(), 0, KEY_CONTEXT, ROOT)
    return lambda data: struct.pack("<8I", *subtree(key, data, 0, KEY_MATERIAL, ROOT))


try:
    from blake3 import blake3

    def hasher(context):
        return lambda data: blake3(data, derive_key_context=context).digest()
except ImportError:
    hasher = pure_hasher

link_of = hasher("servanda v1 record")
payload_hash = hasher("servanda v1 payload")


# ---- Payloads: schema 1 ----

class Malformed(Exception):
    """Bytes that are not what the document asks for."""


# Number, name, word, then the fields in the order of their bytes; `?` is an option, `*` a list.
FACTS = """
0 LedgerOpened ledger origin:Text purpose:Text?
1 PartyRegistered party id:Slug kind:PartyKind name:Name* identifier:Identifier* parent:Slug?
2 PartyRenamed rename party:Slug name:Name*
3 PartySucceeded succession party:Slug successor:Slug*
4 SourceRegistered source id:Slug kind:SourceKind title:Text issuer:Text? published:When? retrieved:When? \
language:Language? digest:Digest? locator:Text? derived_from:Slug?
5 MeetingHeld meeting text:Text? place:Text? present:Slug* led_to:Slug*
6 AgreementRecorded agreement id:Slug title:Text form:Form? party:Slug* place:Text? link:Link*
7 AgreementStatusChanged agreement-status agreement:Slug to:AgreementStatus
8 ParticipationRecorded participation agreement:Slug party:Slug action:Action text:Text? effective:When?
9 CommitmentRecorded commitment id:Slug agreement:Slug text:Text modality:Modality* debtor:Slug* creditor:Slug* \
mutual:Bool witness:Slug* guarantor:Slug* purpose:Text* condition:Text? measure:Text? presupposes:Text? \
deadline:Deadline? repeats:Subject* theme:Text* standing:Standing?
10 CommitmentAmended amendment commitment:Slug instrument:Slug? text:Text? modality:Modality* debtor:Slug* \
creditor:Slug* purpose:Text* condition:Text? measure:Text? deadline:Deadline?
11 StatusChanged status commitment:Slug to:Standing capacity:Capacity?
12 ContestMoved contest commitment:Slug to:Contest text:Text?
13 ProgressReported progress text:Text commitment:Slug? occurrence:Text?
14 OccurrenceHeld occurrence commitment:Slug occurrence:Text? place:Text? text:Text?
15 Assessed assessment commitment:Slug scale:Text level:Level
16 StatementRecorded statement text:Text about:Subject*
17 EvidenceAttached evidence about:Subject bearing:Bearing text:Text?
18 Noted note text:Text about:Subject*
19 Corrected correction record:Seq field:FieldName old:Text* to:Text* reason:Text
20 Retracted retraction record:Seq reason:Text
21 Redacted redaction record:Seq reason:Text authority:Text
22 RecorderAdmitted recorder id:Slug key:Text name:Text?
23 RecorderRevoked recorder-revoked recorder:Slug reason:Text
"""
ENVELOPE = """on:When? by:Slug* recorded_by:Text? source:Citation* note:Text? confidence:Confidence? \
inferred:FieldName* import_key:Text? irregular:Text?"""
WORDS = """
PartyKind state organisation organ office person unit group
SourceKind article statement treaty report letter table interview website document
Bearing supports refutes
Confidence low medium high
Form treaty protocol memorandum exchange-of-letters communique roadmap contract oral reported other
AgreementStatus concluded in-force suspended resumed amended superseded terminated
Action signature definitive-signature ratification acceptance approval accession succession formal-confirmation \
provisional-application notification entry-into-force withdrawal reservation declaration objection
Modality obligation permission prohibition intention
Standing proposed agreed conditional active suspended claimed fulfilled breached waived released cancelled expired \
superseded
Capacity debtor creditor arbiter assessor terms
Contest none claimed disputed settled
"""
FACTS = [(word, [f.split(":") for f in fields]) for _, _, word, *fields in map(str.split, FACTS.split("\n")[1:-1])]
ENVELOPE = [field.split(":") for field in ENVELOPE.split()]
WORDS = {name: words for name, *words in map(str.split, WORDS.split("\n")[1:-1])}

SLUG = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")
LINK = re.compile(r"(amends|supersedes|continues|implements|repeats):(?P<slug>.*)", re.DOTALL)
RULE_PART = re.compile(r"(UNTIL|COUNT|INTERVAL|BYSECOND|BYMINUTE|BYHOUR|BYDAY|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYMONTH"
                       r"|BYSETPOS|WKST)=[A-Z0-9,+-]+|FREQ=(SECONDLY|MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)")


def is_text(s):
    return bool(s.strip()) and len(s.encode()) <= 32768 and not re.search(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", s)


def is_name(s):
    name, at, tag = s.rpartition("@")
    return is_text(name if at and LANGUAGE.fullmatch(tag) else s)


def is_identifier(s):
    scheme, colon, value = s.partition(":")
    return bool(re.fullmatch("[a-z0-9-]{1,32}", scheme)) and is_text(value)


def is_citation(s):
    source, colon, place = s.partition(":")
    spaced = place[:1] == " " and place[1:] == place.strip()
    return bool(SLUG.fullmatch(source)) and (not colon or spaced and is_text(place[1:]))


def is_link(s):
    link = LINK.fullmatch(s)
    return bool(link and SLUG.fullmatch(link["slug"]))


def is_rule(s):
    names = [part.partition("=")[0] for part in s.split(";")]
    fits = all(map(RULE_PART.fullmatch, s.split(";"))) and "FREQ" in names and len(set(names)) == len(names)
    return fits and len(s) <= 256


TEXTS = {"Text": is_text, "Level": is_text, "Slug": SLUG.fullmatch, "Language": LANGUAGE.fullmatch, "Name": is_name,
         "Identifier": is_identifier, "Citation": is_citation, "Link": is_link, "Rule": is_rule,
         "FieldName": re.compile("[a-z_]{1,32}").fullmatch}


class Payload:
    """Reads a payload from its first byte to its last. Numbers must be as short as they can be."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        if self.at > len(self.data):
            raise Malformed("the payload ends too early")
        return self.data[self.at - count:self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self):
        first = self.byte()
        if first <= 250:
            return first
        size, least = {251: (2, 251), 252: (4, 1 << 16), 253: (8, 1 << 32)}.get(first, (0, 1))
        number = int.from_bytes(self.take(size), "little")
        if number < least:
            raise Malformed("a number is not written as short as it can be, or begins with 254 or 255")
        return number

    def choice(self, kind, options):
        number = self.byte()
        if number >= len(options):
            raise Malformed(f"{kind} has no number {number}")
        return options[number]

    def field(self, kind):
        """A field: one value, an option (None if absent) or a list."""
        if kind[-1] == "?":
            return self.value(kind[:-1]) if self.choice("an option", (False, True)) else None
        if kind[-1] == "*":
            return [self.value(kind[:-1]) for _ in range(self.number())]
        return self.value(kind)

    def value(self, kind):
        if kind in TEXTS:
            try:
                text = self.take(self.number()).decode("utf-8")
            except UnicodeDecodeError:
                raise Malformed("a text is not UTF-8")
            if not TEXTS[kind](text):
                raise Malformed(f"{text[:40]!r} is not a {kind} as the document has it")
            return text
        if kind in WORDS:
            return self.choice(kind, WORDS[kind])
        return getattr(self, kind)()

    def Bool(self):
        return self.choice("a bool", (False, True))

    def Seq(self):
        return self.number()

    def Digest(self):
        return self.take(32).hex()

    def Subject(self):
        return self.value(self.choice("Subject", ("Slug", "Seq")))

    def Date(self):
        """A date as its text, with its first and last day as (year, month, day); every month may have 31 here."""
        precision, year = self.choice("Date", (0, 1, 2)), self.number()
        rest = [self.byte() for _ in range(precision)]
        try:
            datetime.date(year, *(rest + [1, 1])[:2])
        except (ValueError, OverflowError):
            raise Malformed("there is no such date")
        text = "-".join(["%04d" % year] + ["%02d" % part for part in rest])
        return text, [year, *rest, 1, 1][:3], [year, *rest, 12, 31][:3] if precision != 1 else [year, *rest, 31]

    def When(self):
        form = self.choice("When", ("", "/", "before ", "after ", "unknown", "unspecified", "not-applicable"))
        if form == "/":
            (start, first, _), (end, _, last) = self.Date(), self.Date()
            if last < first:
                raise Malformed("a range ends before it begins")
            return f"{start}/{end}"
        return form + self.Date()[0] if form in ("", "before ", "after ") else form

    def Deadline(self):
        form = self.choice("Deadline", ("When", "Rule?", None))
        value = self.field(form) if form else "continuing"
        return value if form != "Rule?" else "recurring" if value is None else f"RRULE:{value}"


def decode(data):
    """The event of a payload, as `servanda export` writes it: absent fields are left out."""
    payload = Payload(data)
    if len(data) > 65536:
        raise Malformed(f"the payload has {len(data)} bytes; the limit is 65536")
    if payload.byte() != 1:
        raise Malformed(f"the payload has schema version {data[0]}, not 1")
    word, fields = payload.choice("Fact", FACTS)
    event = {"event": word}
    for name, kind in fields + ENVELOPE:
        value = payload.field(kind)
        if value is not None and value is not False and value != []:
            event[name] = value
    if payload.at != len(data):
        raise Malformed(f"{len(data) - payload.at} bytes follow the event")
    return event


# ---- Records and their chain ----

ZERO = bytes(32)
HASH = re.compile("[0-9a-f]{64}")


class Header:
    """A record's first 128 bytes."""

    def __init__(self, data):
        if len(data) < 128:
            raise Malformed(f"the record has {len(data)} bytes, less than a header's 128")
        if data[0] != 1:
            raise Malformed(f"the record has format version {data[0]}, not 1")
        reserved = [at for at in (*range(1, 8), *range(96, 128)) if data[at]]
        if reserved:
            raise Malformed(f"the header's byte {reserved[0]} is not zero")
        self.seq, self.recorded_at, self.remaining, self.payload_len = struct.unpack("<QqII", data[8:32])
        self.prev, self.digest, self.link = data[32:64], data[64:96], link_of(data[:128])


def time_text(micros):
    try:
        time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
        return time.isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        return f"{micros} µs"


class Verifier:
    """Goes through the lines in order, reports what is wrong, and goes on."""

    def __init__(self, kept, say, show):
        self.kept, self.say, self.show = kept, say, show
        self.findings = self.records = self.count = 0
        self.previous = self.ended = None
        self.link, self.kept_link = ZERO, ZERO if kept and kept[0] == 0 else None
        self.gone, self.redactions = [], {}

    def find(self, seq, kind, message):
        self.findings += 1
        self.say(f"record {seq}: {kind}: {message}")

    def missing(self, until, found):
        self.find(self.count, "missing", f"records {self.count} to {until - 1} are not there; found {found}")
        self.previous = None

    def line(self, number, line):
        where = f"line {number} of the export"
        if self.ended:
            return self.find(self.count, "malformed", f"{where} stands after the head")
        try:
            # Objects become tuples of pairs, so that they are no lists and a member that stands twice is seen.
            read = json.loads(line.decode("utf-8"), object_pairs_hook=tuple)
            if len(read) == 1:
                (head,) = members(read, "head")
                count, link = members(head, "count", "link")
                return self.head(whole(count), hash_bytes(link))
            link, record, seq = members(read, "link", "record", "seq")
            if not re.fullmatch("([0-9a-f]{2})*", record):
                raise ValueError
            whole(seq)
            link = None if link is None else hash_bytes(link)
        except (ValueError, TypeError, RecursionError):
            self.find(self.count, "malformed", f"{where} is not a record's line, nor the head's")
            self.count, self.link, self.previous = self.count + 1, None, None
            return None
        return self.record(seq, link, bytes.fromhex(record))

    def record(self, seq, link, data):
        self.records += 1
        if seq < self.count:
            return self.find(seq, "misplaced", f"stands again, or out of order, where record {self.count} should be")
        if seq > self.count:
            self.missing(seq, f"record {seq}")
        self.count, previous = seq + 1, self.previous
        self.link = self.previous = None
        try:
            header = Header(data)
        except Malformed as error:
            return self.find(seq, "malformed", error)
        self.link, self.previous = header.link, header
        if self.kept and self.kept[0] == self.count:
            self.kept_link = header.link
        if header.seq != seq:
            self.find(seq, "misplaced", f"its header says that it is record {header.seq}")
        if link != header.link:
            said = link.hex() if link else "null"
            self.find(seq, "link", f"its header has the link {header.link.hex()}; its line says {said}")
        if previous or seq == 0:
            expected = previous.link if previous else ZERO
            if header.prev != expected:
                self.find(seq, "link", f"it follows {header.prev.hex()}; the link before it is {expected.hex()}")
        if previous and previous.remaining and header.remaining != previous.remaining - 1:
            self.find(seq, "batch", f"{previous.remaining - 1} of its batch should follow, not {header.remaining}")
        if previous and header.recorded_at < previous.recorded_at:
            self.find(seq, "clock", f"{time_text(header.recorded_at)} is before {time_text(previous.recorded_at)}")
        try:
            self.body(seq, header, data[128:])
        except Malformed as error:
            self.find(seq, "malformed", error)
        return None

    def body(self, seq, header, body):
        if body == b"\0":
            return self.gone.append(seq)
        if body[:1] != b"\1" or len(body) != 17 + header.payload_len:
            raise Malformed(f"after its header stands neither 0 alone nor 1, salt and {header.payload_len} bytes")
        padding = bytes(-len(body[1:]) % 64)
        sound = payload_hash(body[1:] + padding) == header.digest
        if not sound:
            self.find(seq, "payload", "salt and payload are not those that the header vouches for")
        try:
            event = decode(body[17:])
        except Malformed as error:
            return self.find(seq, "encoding", error)
        if sound and event["event"] == "redaction":
            self.redactions[event["record"]] = seq
        return self.show({"seq": seq, "recorded_at": time_text(header.recorded_at), **event})

    def head(self, count, link):
        self.ended = True
        if self.count < count:
            self.missing(count, "the head")
        elif self.count > count or link != self.link:
            found = self.link.hex() if self.link else "an unreadable record"
            self.find(max(0, self.count - 1), "head",
                      f"{count}:{link.hex()} is said to be the head; the records end at {self.count}:{found}")

    def conclude(self):
        last = max(0, self.count - 1)
        if not self.ended:
            self.find(last, "head", "the export ends without a head: it was cut")
        if self.records == 0:
            self.find(last, "missing", "there are no records: nothing was checked")
        if self.previous and self.previous.remaining:
            self.find(last, "batch", f"{self.previous.remaining} more of its batch should follow")
        for seq in self.gone:
            if self.redactions.get(seq, seq) <= seq:
                self.find(seq, "payload-gone", "its payload is not there, and no later record redacts it")
        if self.kept and self.kept_link != self.kept[1]:
            found = self.kept_link.hex() if self.kept_link else "none: that record is not there, or cannot be read"
            self.find(max(0, self.kept[0] - 1), "head", f"kept elsewhere: {self.kept[1].hex()}; found: {found}")
        tail = "" if self.kept else "; whether the tail was cut or all of it rewritten (--head COUNT:LINK tells)"
        head = f"head {self.count}:{self.link.hex()}" if self.link else "no head"
        verdict = f"BROKEN, findings: {self.findings}" if self.findings else "sound"
        self.say(f"{verdict}; records: {self.records}; {head}. Checked: form, order, links, digests, batches, clock, "
                 f"encoding. Not checked: the rules of events; snapshots{tail}; whether the clock was right; whether "
                 "what was recorded is true.")
        return 10 if self.findings else 0


def members(pairs, *names):
    """The members of a JSON object that has these, each once, and no others; `names` are in their order."""
    if type(pairs) is not tuple or sorted(name for name, _ in pairs) != list(names):
        raise ValueError
    return [value for _, value in sorted(pairs, key=lambda pair: pair[0])]


def whole(number):
    if type(number) is not int or not 0 <= number < 1 << 64:
        raise ValueError
    return number


def hash_bytes(text):
    if not HASH.fullmatch(text):
        raise ValueError
    return bytes.fromhex(text)


def kept_head(text):
    count, _, link = text.partition(":")
    return whole(int(count)), hash_bytes(link)


def main():
    parser = argparse.ArgumentParser(description="Verifies what `servanda export --raw` wrote.")
    parser.add_argument("file", nargs="?", default="-", help="the export (- is standard input)")
    parser.add_argument("--head", type=kept_head, metavar="COUNT:LINK", help="a head that was kept elsewhere")
    parser.add_argument("--events", action="store_true", help="print the events; findings go to standard error")
    args = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")
    talk = sys.stderr if args.events else sys.stdout
    show = (lambda event: print(json.dumps(event, ensure_ascii=False))) if args.events else lambda event: None
    verifier = Verifier(args.head, lambda line: print(line, file=talk), show)
    try:
        with sys.stdin.buffer if args.file == "-" else open(args.file, "rb") as lines:
            # A record's line is far shorter than this; a longer one comes in pieces, which are no lines.
            for number, line in enumerate(iter(lambda: lines.readline(1 << 20), b""), 1):
                verifier.line(number, line)
    except OSError as error:
        parser.error(f"{args.file}: {error.strerror}")
    return verifier.conclude()


if __name__ == "__main__":
    sys.exit(main())
