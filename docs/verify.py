#!/usr/bin/env python3
"""Verifies a ledger from what `servanda export --raw` writes, without servanda.

    verify.py [FILE]                                       FILE is standard input if absent or -
        --checkpoint FILE      a checkpoint that was kept elsewhere (several: give it again)
        --log-key VKEY         the log's public key, which must have signed the checkpoints
        --policy FILE          the witnesses, a quorum of whom must have cosigned one of them
        --head COUNT:LINK      a head that was kept elsewhere
        --events               print the events, too

Written from format.md beside it alone, for Python 3.8 or later and its standard library; if the package `blake3` is
there, it hashes with that, only faster. Every finding is a line that names the record. The verdict comes last, and
says what was not checked.

Exit codes: 0 sound, 10 integrity broken, 11 nothing but signatures bad, 12 sound but too few witnesses, 1 a file cannot
be read or is not what it should be, 2 usage.

Sections: BLAKE3; Ed25519; keys and signed notes; checkpoints and policies; payloads; recorders' and parties'
signatures; records, their chain and their tree; the command line.
"""
import argparse
import base64
import datetime
import functools
import hashlib
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


class Malformed(Exception):
    """Bytes that are not what the document asks for."""


# ---- Ed25519, as RFC 8032 has it ----

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)  # points are (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z


def add_points(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * CURVE_D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def same_point(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_of(data):
    """The point of 32 bytes, in their one encoding; None if there is none, or one of small order."""
    y, sign = int.from_bytes(data, "little") & 2**255 - 1, data[31] >> 7
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if y >= P or (x * x - square) % P or x == 0:
        return None
    x = x if x & 1 == sign else P - x
    point = eightfold = (x, y, 1, x * y % P)
    for _ in range(3):
        eightfold = add_points(eightfold, eightfold)
    return None if same_point(eightfold, NEUTRAL) else point


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def sum_of(a, p, b, q):
    """a × p + b × q, both at once, from the highest bit down."""
    steps, found = (None, p, q, add_points(p, q)), NEUTRAL
    for bit in range(252, -1, -1):
        found = add_points(found, found)
        step = steps[(a >> bit & 1) + 2 * (b >> bit & 1)]
        found = add_points(found, step) if step else found
    return found


@functools.lru_cache(maxsize=4096)
def key_of(data):
    """The point of a public key; None unless it is a multiple of the base point, and not the neutral one."""
    point = point_of(data) if len(data) == 32 else None
    return point if point and same_point(sum_of(ORDER, point, 0, NEUTRAL), NEUTRAL) else None


def ed25519_holds(key, message, signature):
    """Whether scalar × BASE = commitment + challenge × public: no cofactor, no other encoding."""
    public = key_of(key)
    if not public or len(signature) != 64:
        return False
    commitment, scalar = point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if not commitment or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    negated = (P - public[0], public[1], 1, P - public[3])
    return same_point(sum_of(scalar, BASE, challenge, negated), commitment)


# ---- Keys and signed notes, as C2SP signed-note has them ----

NOTES, COSIGNATURES = 1, 4  # what a key signs


def base64_bytes(text):
    """The bytes of base64 in its one spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Malformed(f"{text[:80]!r} is no base64")
    if base64.b64encode(data).decode() != text:
        raise Malformed(f"{text[:80]!r} is base64 in another spelling")
    return data


def is_key_name(name):
    return bool(name) and not re.search(r"[\0-\x1f+]", name) and not any(c.isspace() for c in name)


class VerifierKey:
    """A vkey: `name+id+base64(type | public key)`."""

    def __init__(self, text, kind):
        self.text = text
        name, _, rest = text.partition("+")
        said, _, encoded = rest.partition("+")
        data = base64_bytes(encoded)
        if not is_key_name(name) or len(data) != 33 or data[0] != kind:
            raise Malformed(f"{text[:120]!r} is no vkey of type {kind}")
        self.name, self.kind, self.public = name, kind, data[1:]
        self.id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        if said != self.id.hex():
            raise Malformed(f"{text[:120]!r}: its id is {self.id.hex()}")
        if not key_of(self.public):
            raise Malformed(f"{text[:120]!r} is no sound Ed25519 key")

    def holds(self, message, signature):
        return ed25519_holds(self.public, message, signature)


class Note:
    """A text and the signatures under it: name, key id and what follows the id."""

    def __init__(self, data):
        try:
            whole_text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("it is not UTF-8")
        if len(data) > 1_000_000:
            raise Malformed("it has more than 1000000 bytes")
        text, empty_line, lines = whole_text.rpartition("\n\n")
        self.text = text + "\n"
        self.signatures = []
        if re.search(r"[\0-\x09\x0b-\x1f]", whole_text) or not empty_line or not lines.endswith("\n"):
            raise Malformed("it is no signed note")
        for line in lines[:-1].split("\n"):
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            blob = base64_bytes(encoded)
            if dash != "\u2014" or not is_key_name(name) or len(blob) < 5:
                raise Malformed(f"{line[:80]!r} is no signature line")
            self.signatures.append((name, blob[:4], blob[4:]))
        if len(self.signatures) > 100:
            raise Malformed("it has more than 100 signatures")

    def signed_by(self, key):
        """Whether the key signed; Malformed where a signature that says so does not hold."""
        mine = [blob for name, key_id, blob in self.signatures if (name, key_id) == (key.name, key.id)]
        for blob in mine:
            message = self.text.encode()
            if key.kind == COSIGNATURES:
                time, blob = int.from_bytes(blob[:8], "big"), blob[8:]
                message = b"cosignature/v1\ntime %d\n" % time + message
                if time >= 1 << 63:
                    raise Malformed(f"the cosignature of {key.name} states no time")
            if not key.holds(message, blob):
                raise Malformed(f"the signature of {key.name} does not hold")
        return bool(mine)


# ---- Checkpoints and policies, as C2SP tlog-checkpoint and tlog-policy have them ----

class Checkpoint:
    """The text of one, or a signed note of it."""

    def __init__(self, path, data):
        self.path, self.note = path, None
        try:
            self.note = Note(data)
        except Malformed:
            pass
        try:
            text = self.note.text if self.note else data.decode("utf-8").rstrip("\n") + "\n"
            self.origin, size, root, *extensions = text[:-1].split("\n")
        except ValueError:
            raise Malformed("it is no checkpoint: origin, size and root, each on its line")
        self.root = base64_bytes(root)
        wrong = not self.origin or re.search(r"[\0-\x09\x0b-\x1f]", text) or "" in extensions or len(self.root) != 32
        if wrong or not re.fullmatch("0|[1-9][0-9]{0,18}", size) or int(size) >= 1 << 63:
            raise Malformed("it is no checkpoint: origin, size and root, each on its line")
        self.size = int(size)
        if self.size == 0 and self.root != hashlib.sha256().digest():
            raise Malformed("it is of no records, and has another root than that of the empty tree")

    def signed_by(self, key):
        """Whether a log's key signed it: a key that is named after the origin."""
        return bool(self.note) and key.name == self.origin and self.note.signed_by(key)


class Policy:
    """Logs that are trusted, witnesses and groups of them, and which are enough."""

    def __init__(self, data):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        self.free = set()  # names that are in no group yet
        if len(data) > 262144 or re.search(rb"[\0-\x08\x0b-\x1f\x7f]", data):
            raise Malformed("the policy has more than 262144 bytes, or a control character")
        if not data.endswith(b"\n"):
            raise Malformed("the policy does not end in a newline; is the file cut off?")
        for line in data[:-1].split(b"\n"):
            if not line.lstrip(b" \t").startswith(b"#"):
                try:
                    self.read(*filter(None, re.split("[ \t]", line.decode("utf-8"))))
                except (KeyError, TypeError, ValueError):
                    raise Malformed(f"a line of the policy is wrong: {line[:120]}")
        if self.quorum is None:
            raise Malformed("the policy has no quorum line")
        if max(len(self.logs), len(self.witnesses), len(self.groups)) > 256:
            raise Malformed("the policy has more than 256 logs, witnesses or groups")

    def read(self, word="", *words):
        if word:
            {"log": self.log, "witness": self.witness, "group": self.group, "quorum": self.decide}[word](*words)

    def log(self, vkey, url=None):
        key = VerifierKey(vkey, NOTES)
        if any(other.public == key.public for other in self.logs):
            raise ValueError
        self.logs.append(key)

    def witness(self, name, vkey, url=None):
        key = VerifierKey(vkey, COSIGNATURES)
        if any(other.public == key.public for other in self.witnesses.values()):
            raise ValueError
        self.define(name)
        self.witnesses[name] = key

    def group(self, name, threshold, *members):
        if not re.fullmatch("all|any|[1-9][0-9]*", threshold, re.ASCII):
            raise ValueError
        least = {"all": len(members), "any": 1}.get(threshold) or int(threshold)
        if not 1 <= least <= len(members):
            raise ValueError
        for member in members:
            self.free.remove(member)  # a name that is not there, or a member already, is a KeyError
        self.define(name)
        self.groups[name] = least, members

    def decide(self, name):
        if self.quorum is not None or name != "none" and name not in {**self.witnesses, **self.groups}:
            raise ValueError
        self.quorum = name

    def define(self, name):
        if name == "none" or name in self.witnesses or name in self.groups:
            raise ValueError
        self.free.add(name)

    def met_by(self, cosigned):
        """Whether these witnesses are enough."""
        met = {"none"} | cosigned
        for name, (least, members) in self.groups.items():
            if sum(member in met for member in members) >= least:
                met.add(name)
        return self.quorum in met


# ---- Payloads ----

# <generated>
SCHEMA = 2
# Number, name, word, whether payloads can be erased, fields in the order of their bytes; `?` is an option, `*`
# a list, `@` stands before the schema that brought a field, a word or a kind, where that is not 1.
EVENTS = """
0 LedgerOpened ledger never origin:Text purpose:Text?
1 PartyRegistered party never id:Slug kind:PartyKind name:Name* identifier:Identifier* parent:Slug?
2 PartyRenamed rename never party:Slug name:Name*
3 PartySucceeded succession never party:Slug successor:Slug*
4 SourceRegistered source never id:Slug kind:SourceKind title:Text issuer:Text? published:When? \
retrieved:When? language:Language? digest:Digest? locator:Text? derived_from:Slug?
5 MeetingHeld meeting always text:Text? place:Text? present:Slug* led_to:Slug*
6 AgreementRecorded agreement never id:Slug title:Text form:Form? party:Slug* place:Text? link:Link* \
parties_unknown:Bool@2 role:RoleHolder*@2 subject:Text*@2 identifier:Identifier*@2
7 AgreementStatusChanged agreement-status never agreement:Slug to:AgreementStatus effective:When?@2
8 ParticipationRecorded participation never agreement:Slug party:Slug action:Action text:Text? effective:When?
9 CommitmentRecorded commitment never id:Slug agreement:Slug text:Text modality:Modality* debtor:Slug* \
creditor:Slug* mutual:Bool witness:Slug* guarantor:Slug* purpose:Text* condition:Text? measure:Text? \
presupposes:Text? deadline:Deadline? repeats:Subject* theme:Text* standing:Standing?
10 CommitmentAmended amendment never commitment:Slug instrument:Slug? text:Text? modality:Modality* \
debtor:Slug* creditor:Slug* purpose:Text* condition:Text? measure:Text? deadline:Deadline?
11 StatusChanged status never commitment:Slug to:Standing capacity:Capacity? debtor:Slug*@2
12 ContestMoved contest never commitment:Slug to:Contest text:Text?
13 ProgressReported progress always text:Text commitment:Slug? occurrence:Text?
14 OccurrenceHeld occurrence always commitment:Slug occurrence:Text? place:Text? text:Text?
15 Assessed assessment always commitment:Slug scale:Text level:Level
16 StatementRecorded statement always text:Text about:Subject*
17 EvidenceAttached evidence always about:Subject bearing:Bearing text:Text?
18 Noted note always text:Text about:Subject*
19 Corrected correction with-target record:Target field:FieldName old:Text* to:Text* reason:Text
20 Retracted retraction never record:Target reason:Text
21 Redacted redaction never record:Target reason:Text authority:Text
22 RecorderAdmitted recorder never id:Slug key:Text name:Text?
23 RecorderRevoked recorder-revoked never recorder:Slug reason:Text
24 RecorderRotated recorder-rotated never recorder:Slug key:Text reason:Text?
25 PartyKeyDeclared party-key never party:Slug key:Text
26 Acknowledged acknowledgement never record:Seq party:Slug signature:Text
"""
ENVELOPE = """
on:When? by:Slug* recorded_by:Text? source:Citation* note:Text? confidence:Confidence? inferred:FieldName* \
import_key:Text? irregular:Text?
"""
WORDS = """
PartyKind 0=state 1=organisation 2=organ 3=office 4=person 5=unit 6=group
SourceKind 0=article 1=statement 2=treaty 3=report 4=letter 5=table 6=interview 7=website 8=document
Bearing 0=supports 1=refutes
Confidence 0=low 1=medium 2=high
Form 0=treaty 1=protocol 2=memorandum 3=exchange-of-letters 4=communique 5=roadmap 6=contract 7=oral \
8=reported 9=other
AgreementStatus 0=concluded 1=in-force 2=suspended 3=resumed 4=amended 5=superseded 6=terminated \
7=provisional@2
Action 0=signature 1=definitive-signature 2=ratification 3=acceptance 4=approval 5=accession 6=succession \
7=formal-confirmation 8=provisional-application 9=notification 10=entry-into-force 11=withdrawal \
12=reservation 13=declaration 14=objection 15=end-of-provisional-application@2
Modality 0=obligation 1=permission 2=prohibition 3=intention
Standing 0=proposed 1=agreed 2=conditional 3=active 4=suspended 5=claimed 13=partial@2 6=fulfilled 7=breached \
8=waived 9=released 10=cancelled 11=expired 12=superseded
Capacity 0=debtor 1=creditor 2=arbiter 3=assessor 4=terms
Contest 0=none 1=claimed 2=disputed 3=settled
"""
# </generated>



def since(text):
    """What stands before `@`, and the schema after it: 1 if there is none."""
    what, _, schema = text.partition("@")
    return what, int(schema or 1)


class Kind:
    """A kind of event: its number, name, word, the schema that brought it, what can be erased, and its fields."""

    def __init__(self, number, name, word, erasable, *fields):
        self.number, self.name, self.erasable, self.fields = int(number), name, erasable, fields_of(fields)
        self.word, self.since = since(word)
        self.has_target = any(kind == "Target" for _, kind, _ in self.fields)


def fields_of(fields):
    """Of each field: its name, its type, the schema that brought it."""
    return [(*since(field)[0].split(":"), since(field)[1]) for field in fields]


KINDS = {kind.number: kind for kind in (Kind(*line.split()) for line in EVENTS.split("\n")[1:-1])}
ENVELOPE = fields_of(ENVELOPE.split())
WORDS = {name: dict(word.split("=") for word in words) for name, *words in map(str.split, WORDS.split("\n")[1:-1])}

SLUG = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LANGUAGE = re.compile(r"(?!.{65})[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")
LINK = re.compile(r"(amends|supersedes|continues|implements|repeats|(?P<later>terminates|supplements|protocol-to))"
                  r":(?P<slug>.*)", re.DOTALL)
ROLE = re.compile(r"(depositary|mediator|facilitator|guarantor|witness|observer|host|secretariat):(?P<slug>.*)", re.DOTALL)
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


def is_role_holder(s):
    holder = ROLE.fullmatch(s)
    return bool(holder and SLUG.fullmatch(holder["slug"]))


def is_rule(s):
    names = [part.partition("=")[0] for part in s.split(";")]
    fits = all(map(RULE_PART.fullmatch, s.split(";"))) and "FREQ" in names and len(set(names)) == len(names)
    return fits and len(s) <= 256


TEXTS = {"Text": is_text, "Level": is_text, "Slug": SLUG.fullmatch, "Language": LANGUAGE.fullmatch, "Name": is_name,
         "Identifier": is_identifier, "Citation": is_citation, "Link": is_link, "Rule": is_rule,
         "RoleHolder": is_role_holder,
         "FieldName": re.compile("[a-z_]{1,32}").fullmatch}


class Payload:
    """Reads a payload from its first byte to its last. Numbers must be as short as they can be."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.schema = self.lowest = 1  # what it begins with, and the lowest that can express what was read

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
            self.needs(2 if kind == "Link" and LINK.fullmatch(text)["later"] else 1, text)
            return text
        if kind in WORDS:
            number = self.byte()
            word, schema = since(WORDS[kind].get(str(number), "@255"))
            self.needs(schema, f"{kind} {number}")
            return word
        return getattr(self, kind)()

    def needs(self, schema, what):
        """What a later schema than the payload's brought is not in it."""
        if schema > self.schema:
            raise Malformed(f"schema {self.schema} has no {what[:40]}")
        self.lowest = max(self.lowest, schema)

    def Bool(self):
        return self.choice("a bool", (False, True))

    def Seq(self):
        return self.number()

    Target = Seq

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
        form = self.choice("Deadline", ("When", "Rule?", None, "Relative"))
        value = self.field(form) if form else "continuing"
        return value if form != "Rule?" else "recurring" if value is None else f"RRULE:{value}"

    def Relative(self):
        count, unit = self.number(), self.choice("Unit", ("day", "week", "month", "year"))
        if not 1 <= count <= 9999:
            raise Malformed("a span is not 1 to 9999 units")
        form = self.choice("Anchor", ("conclusion", "Action", "Standing"))
        if form == "Standing":
            anchor = f"{self.value('Slug')} {self.value('Standing')}"
        else:
            anchor = f"{form if form == 'conclusion' else self.value('Action')} of {self.value('Slug')}"
        return f"{count} {unit}{'' if count == 1 else 's'} after {anchor}"


def decode(header, data):
    """The event of a payload under its header, as `servanda export` writes it: absent fields are left out."""
    kind, payload = KINDS.get(header.kind), Payload(data)
    if not kind:
        raise Malformed(f"the record is of kind {header.kind}: a later version of servanda wrote it")
    payload.schema = payload.byte()
    if not 1 <= payload.schema <= SCHEMA:
        raise Malformed(f"the payload has schema {payload.schema}, not 1 to {SCHEMA}: a later version wrote it")
    event, payload.lowest, target = {"event": kind.word}, kind.since, 0
    for name, form, schema in kind.fields + ENVELOPE:
        if schema > payload.schema:
            continue
        value = payload.field(form)
        if value is not None and value is not False and value != []:
            event[name] = value
            payload.lowest = max(payload.lowest, schema)
        if form == "Target":
            target = value
    if payload.at != len(data):
        raise Malformed(f"{len(data) - payload.at} bytes follow the event")
    if payload.schema != payload.lowest:
        raise Malformed(f"the payload has schema {payload.schema}; the lowest that can express it is {payload.lowest}")
    if target != header.target:
        raise Malformed(f"the header names record {header.target}, and the event is about record {target}")
    return event


# ---- Who must sign, and whether they did ----

def recorder_message(origin, count, link):
    return f"servanda recorder v1\n{origin}\n{count}\n{link.hex()}\n".encode()


def acknowledgement_message(origin, party, seq, link):
    return f"servanda acknowledgement v1\n{origin}\n{party}\n{seq}\n{link.hex()}\n".encode()


class Keyring:
    """The keys that the events so far made known, and those that must sign the batch at hand."""

    def __init__(self):
        self.origin, self.checked = "", 0
        self.recorders, self.parties = {}, {}  # the vkey of each; of a revoked recorder, None
        self.former = []  # recorders with the vkeys that they had in the batch at hand, and have no more
        self.required, self.unknown = {}, False

    def require(self, recorder, vkey):
        key = VerifierKey(vkey, NOTES)
        if self.required.setdefault(key.id, (recorder, key))[1].text != vkey:
            raise Malformed(f"two keys that must sign have the id {key.id.hex()}")

    def present_key(self, recorder):
        if self.recorders.get(recorder) is None:
            raise Malformed(f"{recorder} has no key: it was revoked, or never admitted")
        return self.recorders[recorder]

    def gone(self):
        """A payload that is gone may have named a recorder, who signed then."""
        self.unknown = True

    def take(self, seq, event, links):
        """Folds an event in, and notes who must sign for it. Gives what is wrong with its keys and signature."""
        wrong = []

        def attempt(step, *arguments):
            try:
                step(*arguments)
            except Malformed as error:
                wrong.append(error)

        by = event.get("recorded_by")
        if by in self.recorders:
            attempt(lambda: self.require(by, self.present_key(by)))
        fold = {"ledger": self.opened, "recorder": self.admitted, "recorder-rotated": self.rotated,
                "recorder-revoked": self.revoked, "party-key": self.declared, "acknowledgement": self.acknowledged}
        if event["event"] in fold:
            attempt(fold[event["event"]], seq, event, links)
        return wrong

    def opened(self, seq, event, links):
        if seq == 0:
            self.origin = event["origin"]

    def admitted(self, seq, event, links):
        if event["id"] in self.recorders:
            raise Malformed(f"{event['id']} was admitted before")
        self.recorders[event["id"]] = event["key"]
        VerifierKey(event["key"], NOTES)

    def rotated(self, seq, event, links):
        recorder = event["recorder"]
        old = self.change(recorder, event["key"])
        try:
            self.require(recorder, old)
        finally:
            self.require(recorder, event["key"])

    def revoked(self, seq, event, links):
        self.change(event["recorder"], None)

    def change(self, recorder, vkey):
        """Gives a recorder this key, or none, instead of the one that it has; gives that one."""
        old = self.present_key(recorder)
        self.former.append((recorder, old))
        self.recorders[recorder] = vkey
        return old

    def declared(self, seq, event, links):
        self.parties[event["party"]] = event["key"]
        VerifierKey(event["key"], NOTES)

    def acknowledged(self, seq, event, links):
        self.checked += 1
        party, record = event["party"], event["record"]
        if party not in self.parties or record >= seq:
            raise Malformed(f"{party} has declared no key, or record {record} is not there yet")
        message = acknowledgement_message(self.origin, party, record, links[32 * record:32 * record + 32])
        if not VerifierKey(self.parties[party], NOTES).holds(message, base64_bytes(event["signature"])):
            raise Malformed(f"the signature of {party} under record {record} does not hold")

    def end_batch(self, signatures, count, link):
        """What is wrong with the signatures of a batch, which lead to this head."""
        required, message = self.required, recorder_message(self.origin, count, link)
        may_sign = {key_id: [signer] for key_id, signer in required.items()}
        for recorder, vkey in [*self.recorders.items(), *self.former] if self.unknown else ():
            try:
                key = VerifierKey(vkey or "", NOTES)
                if key.id not in required:
                    may_sign.setdefault(key.id, []).append((recorder, key))
            except Malformed:
                pass  # revoked, or found where it was declared
        self.required, self.unknown, self.former = {}, False, []
        for key_id, (recorder, key) in required.items():
            if key_id not in signatures:
                yield f"the signature of recorder {recorder} with the key {key.text} is missing"
        for key_id, signature in signatures.items():
            self.checked += 1
            if key_id not in may_sign:
                yield f"a signature by a key with the id {key_id.hex()}, that was not asked for"
            elif not any(key.holds(message, signature) for _, key in may_sign[key_id]):
                yield f"the signature of recorder {may_sign[key_id][0][0]} does not hold"


# ---- Records, their chain and their tree ----

class Tree:
    """The tree of RFC 6962 that grows to the right: the roots of its full subtrees, the largest first."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def push(self, leaf):
        node, size = hashlib.sha256(b"\0" + leaf).digest(), self.size
        while size & 1:
            node, size = hashlib.sha256(b"\1" + self.peaks.pop() + node).digest(), size >> 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256().digest()
        node = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            node = hashlib.sha256(b"\1" + peak + node).digest()
        return node


ZERO = bytes(32)
HASH = re.compile("[0-9a-f]{64}")


class Header:
    """A record's first 128 bytes."""

    def __init__(self, data):
        if len(data) < 128:
            raise Malformed(f"the record has {len(data)} bytes, less than a header's 128")
        if data[0] != 1:
            raise Malformed(f"the record has format version {data[0]}, not 1")
        reserved = [at for at in (*range(4, 8), *range(104, 128)) if data[at]]
        if reserved or data[1] > 3:
            raise Malformed(f"the header's byte {1 if data[1] > 3 else reserved[0]} is not what it must be")
        self.erasable, self.asserted = bool(data[1] & 1), bool(data[1] & 2)
        self.kind, = struct.unpack("<H", data[2:4])
        self.target, = struct.unpack("<Q", data[96:104])
        self.seq, self.recorded_at, self.remaining, self.payload_len = struct.unpack("<QqII", data[8:32])
        self.prev, self.digest, self.link = data[32:64], data[64:96], link_of(data[:128])
        self.check_form()

    def check_form(self):
        """What it says against its kind, as far as that takes no other record."""
        kind = KINDS.get(self.kind)
        if self.payload_len > 65536:
            raise Malformed(f"the header says that the payload has {self.payload_len} bytes; the limit is 65536")
        if self.seq == 0 and not (kind and kind.name == "LedgerOpened"):
            raise Malformed(f"the header of record 0 says that its kind is {self.kind}, and not the opening of a ledger")
        if kind and self.target and not kind.has_target:
            raise Malformed(f"the header of a {kind.word} names record {self.target}")
        if kind and kind.erasable != "with-target" and self.erasable != (kind.erasable == "always"):
            raise Malformed(f"the header says that the payload of a {kind.word} "
                            f"{'can' if self.erasable else 'cannot'} be erased")


def time_text(micros):
    try:
        time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
        return time.isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        return f"{micros} µs"


class Verifier:
    """Goes through the lines in order, reports what is wrong, and goes on."""

    def __init__(self, kept, checkpoints, say, show):
        self.kept, self.say, self.show = kept, say, show
        self.findings, self.records, self.count, self.asserted = [], 0, 0, 0
        self.tree, self.roots = Tree(), {checkpoint.size: None for checkpoint in checkpoints}
        self.links, self.keyring = bytearray(), Keyring()
        self.kinds = {}  # by the number of a record: the number of its kind
        self.keep_root()
        self.previous = self.ended = None
        self.link, self.kept_link = ZERO, ZERO if kept and kept[0] == 0 else None
        self.gone, self.unerasable, self.redactions = [], set(), {}
        self.anchored = True  # unless too few witnesses cosigned

    def find(self, seq, kind, message):
        self.find_at(f"record {seq}", kind, message)

    def find_at(self, where, kind, message):
        self.findings.append(kind)
        self.say(f"{where}: {kind}: {message}")

    def missing(self, until, found):
        self.find(self.count, "missing", f"records {self.count} to {until - 1} are not there; found {found}")
        self.previous = self.tree = self.keyring = None

    def keep_root(self):
        if self.tree and self.tree.size in self.roots:
            self.roots[self.tree.size] = self.tree.root()

    def line(self, number, line):
        where = f"line {number} of the export"
        if self.ended:
            return self.find(self.count, "malformed", f"{where} stands after the head")
        try:
            # Objects become tuples of pairs, so that they are no lists and a member that stands twice is seen.
            read = json.loads(line.decode("utf-8"), object_pairs_hook=tuple, parse_int=digits)
            if not line.endswith(b"\n"):
                raise ValueError
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
            self.tree = self.keyring = None
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
            self.tree = self.keyring = None
            return self.find(seq, "malformed", error)
        self.link, self.previous = header.link, header
        if self.tree:
            self.tree.push(data[:128])
            self.keep_root()
        self.links[32 * seq:] = header.link
        if self.kept and self.kept[0] == self.count:
            self.kept_link = header.link
        self.compare_with_target(seq, header)
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
        if previous and header.asserted and not previous.asserted:
            self.find(seq, "clock", "its time is asserted, and the backfill ended before it")
        if header.asserted and self.asserted == seq:
            self.asserted = seq + 1
        try:
            signatures = self.body(seq, header, data[128:])
        except Malformed as error:
            self.keyring = None
            return self.find(seq, "malformed", error)
        return self.compare_signatures(seq, header, signatures)

    def compare_with_target(self, seq, header):
        """Whether a payload can be erased, where that depends on the record that the event is about."""
        self.kinds[seq], kind = header.kind, KINDS.get(header.kind)
        if kind and kind.erasable == "with-target" and (header.target >= seq or header.target in self.kinds):
            target = KINDS.get(self.kinds[header.target]) if header.target < seq else None
            if header.erasable != bool(target and target.erasable == "always"):
                self.find(seq, "malformed", f"the header says that its payload {'can' if header.erasable else 'cannot'} "
                                            f"be erased; the kind of record {header.target} demands the opposite")

    def body(self, seq, header, body):
        """Reads what follows the header, and gives the signatures."""
        presence = body[0] if body else 4
        end = 17 + header.payload_len if presence & 1 else 1
        if presence > 3 or len(body) < end or presence < 2 and len(body) > end:
            raise Malformed("after its header stands not what its byte 128 and its payload_len announce")
        signatures = signatures_of(body[end:]) if presence & 2 else {}
        if presence & 1:
            self.payload(seq, header, body[1:end])
        else:
            self.gone.append(seq)
            if header.kind not in KINDS:
                self.find(seq, "encoding", f"it is of kind {header.kind}: a later version of servanda wrote it")
            if not header.erasable:
                self.unerasable.add(seq)
            if self.keyring:
                self.keyring.gone()
        return signatures

    def payload(self, seq, header, salted):
        if payload_hash(salted + bytes(-len(salted) % 64)) != header.digest:
            self.find(seq, "payload", "salt and payload are not those that the header vouches for")
            self.keyring = None
            return
        try:
            event = decode(header, salted[16:])
        except Malformed as error:
            self.find(seq, "encoding", error)
            self.keyring = None
            return
        if event["event"] == "redaction":
            self.redactions[header.target] = seq
        for wrong in self.keyring.take(seq, event, self.links) if self.keyring else ():
            self.find(seq, "signature", wrong)
        self.show({"seq": seq, "recorded_at": time_text(header.recorded_at), **event})

    def compare_signatures(self, seq, header, signatures):
        if not self.keyring:
            return
        if header.remaining == 0:
            for wrong in self.keyring.end_batch(signatures, seq + 1, header.link):
                self.find(seq, "signature", wrong)
        elif signatures:
            self.find(seq, "signature", "it is signed in the middle of its batch")

    def head(self, count, link):
        self.ended = True
        if self.count < count:
            self.missing(count, "the head")
        elif self.count > count or link != self.link:
            found = self.link.hex() if self.link else "an unreadable record"
            self.find(max(0, self.count - 1), "head",
                      f"{count}:{link.hex()} is said to be the head; the records end at {self.count}:{found}")

    def compare(self, checkpoint):
        """Whether the records lead through a checkpoint: those up to its size are the ones it was made of."""
        origin = self.keyring.origin if self.keyring else checkpoint.origin
        found = self.roots[checkpoint.size]
        if origin != checkpoint.origin:
            what = f"it is of {checkpoint.origin}; this ledger is {origin}"
        elif checkpoint.size > self.count:
            what = f"it has {checkpoint.size} records; here are {self.count}"
        elif not found:
            what = "nothing to compare it with: a record before its end is not there, or cannot be read"
        elif found != checkpoint.root:
            what = f"root of {checkpoint.size} records: {text_of(checkpoint.root)}; here: {text_of(found)}"
        else:
            return
        self.find(max(0, checkpoint.size - 1), "anchor", f"{checkpoint.path}: {what}")

    def compare_signers(self, checkpoints, log_key, policy):
        """Whether the log signed the checkpoints, and enough witnesses one of them. Gives those that are badly signed."""
        met, signed, forged = policy is None, False, []
        for checkpoint in checkpoints:
            where = f"checkpoint {checkpoint.path}"
            try:
                if log_key and not checkpoint.signed_by(log_key):
                    raise Malformed(f"it is not signed by {log_key.name}")
                if not policy or not checkpoint.note:
                    continue
                cosigned = set()
                if not any([checkpoint.signed_by(key) for key in policy.logs]) and not log_key:
                    continue
                signed = True
                for name, key in policy.witnesses.items():
                    if checkpoint.note.signed_by(key):
                        cosigned.add(name)
                met = met or policy.met_by(cosigned)
            except Malformed as error:
                forged.append(checkpoint)
                self.find_at(where, "signature", error)
        if policy and not signed:
            self.find_at("policy", "signature", "no checkpoint given is signed by a log of the policy")
        elif not met:
            self.anchored = False
            self.say("policy: not anchored: no checkpoint given is cosigned by the quorum")
        return forged

    def conclude(self, checkpoints, log_key, policy):
        last = max(0, self.count - 1)
        if not self.ended:
            self.find(last, "head", "the export ends without a head: it was cut")
        if self.records == 0:
            self.find(last, "missing", "there are no records: nothing was checked")
        if self.previous and self.previous.remaining:
            self.find(last, "batch", f"{self.previous.remaining} more of its batch should follow")
        for seq in self.gone:
            if seq in self.unerasable:
                self.find(seq, "payload-gone", "its payload is not there, and its header says that it cannot be erased")
            elif self.redactions.get(seq, seq) <= seq:
                self.find(seq, "payload-gone", "its payload is not there, and no later record redacts it")
        if self.kept and self.kept_link != self.kept[1]:
            found = self.kept_link.hex() if self.kept_link else "none: that record is not there, or cannot be read"
            self.find(max(0, self.kept[0] - 1), "head", f"kept elsewhere: {self.kept[1].hex()}; found: {found}")
        forged = self.compare_signers(checkpoints, log_key, policy)
        for checkpoint in checkpoints:
            if checkpoint not in forged:
                self.compare(checkpoint)
        self.say(self.verdict(checkpoints, log_key, policy))
        if self.findings:
            return 11 if set(self.findings) == {"signature"} else 10
        return 0 if self.anchored else 12

    def verdict(self, checkpoints, log_key, policy):
        parts = [f"BROKEN, findings: {len(self.findings)}" if self.findings else "sound", f"records: {self.records}",
                 f"head {self.count}:{self.link.hex()}" if self.link else "no head",
                 f"tree {self.tree.size}:{text_of(self.tree.root())}" if self.tree else "no tree"]
        if self.asserted:
            parts.append(f"recorded times of the first {self.asserted} records asserted, not the machine's")
        checked = ["form, order, links, digests, batches, clock, encoding"]
        unchecked = ["the rules of events; snapshots"]
        if self.keyring:
            checked.append(f"signatures of recorders and parties: {self.keyring.checked}")
        else:
            unchecked.append("signatures after the first record that cannot be read")
        if checkpoints:
            signed = " and their signatures" if log_key or policy else ""
            checked.append(f"checkpoints{signed}: {len(checkpoints)}")
            if not signed:
                unchecked.append("who made the checkpoints (--log-key VKEY tells)")
        elif not self.kept:
            unchecked.append("whether the tail was cut or all of it rewritten (--checkpoint FILE tells, or --head)")
        unchecked.append("whether the clock was right; whether what was recorded is true")
        return f"{'; '.join(parts)}. Checked: {', '.join(checked)}. Not checked: {'; '.join(unchecked)}."


def signatures_of(data):
    """The signatures after a payload: how many, then key id and signature of each, in the order of the ids."""
    signatures = {data[at:at + 4]: data[at + 4:at + 68] for at in range(1, len(data), 68)}
    count = data[0] if data else 0
    if not 1 <= count <= 32 or len(data) != 1 + 68 * count or list(signatures) != sorted(signatures) \
            or len(signatures) != count:
        raise Malformed("its signatures are not 1 to 32, each by another key, in the order of the keys' ids")
    return signatures


def text_of(root):
    return base64.b64encode(root).decode()


def members(pairs, *names):
    """The members of a JSON object that has these, each once, and no others; `names` are in their order."""
    if type(pairs) is not tuple or sorted(name for name, _ in pairs) != list(names):
        raise ValueError
    return [value for _, value in sorted(pairs, key=lambda pair: pair[0])]


def digits(text):
    """The number of JSON's digits; `-0` is no number here."""
    if not text.isdigit():
        raise ValueError
    return int(text)


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


def refuse(path, why):
    print(f"{path}: {why}", file=sys.stderr)
    sys.exit(1)


def read_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        return refuse(path, error.strerror)


def read_checkpoint(path):
    try:
        return Checkpoint(path, read_bytes(path))
    except Malformed as error:
        return refuse(path, error)


def read_log_key(parser, text):
    """A vkey, or a file that holds one."""
    try:
        with open(text, "rb") as file:
            text = file.read(4096).decode("utf-8", "replace").strip()
    except (OSError, ValueError):
        pass
    try:
        return VerifierKey(text, NOTES)
    except Malformed as error:
        parser.error(f"--log-key: {error}")


def read_policy(path):
    try:
        return Policy(read_bytes(path))
    except Malformed as error:
        return refuse(path, error)


def read_lines(verifier, stream):
    """Goes through an export. A record's line is far shorter than a piece; a longer line comes in several, which are no
    lines."""
    for number, line in enumerate(iter(lambda: stream.readline(1 << 20), b""), 1):
        verifier.line(number, line)


def main():
    parser = argparse.ArgumentParser(description="Verifies what `servanda export --raw` wrote.")
    parser.add_argument("file", nargs="?", default="-", help="the export (- is standard input)")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE",
                        help="a checkpoint that was kept elsewhere")
    parser.add_argument("--log-key", metavar="VKEY", help="the log's public key, or its file")
    parser.add_argument("--policy", metavar="FILE", help="a policy of witnesses")
    parser.add_argument("--head", type=kept_head, metavar="COUNT:LINK", help="a head that was kept elsewhere")
    parser.add_argument("--events", action="store_true", help="print the events; findings go to standard error")
    args = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")
    if (args.log_key or args.policy) and not args.checkpoint:
        parser.error("--log-key and --policy say who signed: give the --checkpoint FILE too")
    log_key = args.log_key and read_log_key(parser, args.log_key)
    checkpoints = [read_checkpoint(path) for path in args.checkpoint]
    policy = args.policy and read_policy(args.policy)
    talk = sys.stderr if args.events else sys.stdout
    show = (lambda event: print(json.dumps(event, ensure_ascii=False))) if args.events else lambda event: None
    verifier = Verifier(args.head, checkpoints, lambda line: print(line, file=talk), show)
    try:
        with sys.stdin.buffer if args.file == "-" else open(args.file, "rb") as stream:
            read_lines(verifier, stream)
    except OSError as error:
        return refuse(args.file, error.strerror)
    return verifier.conclude(checkpoints, log_key or None, policy or None)


if __name__ == "__main__":
    sys.exit(main())
