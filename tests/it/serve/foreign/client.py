# Uses a client generated from the description of the API: client.py URL TOKEN
import json
import sys

from servanda_client import AuthenticatedClient
from servanda_client.api.default import (
    get_commitments,
    get_proof_number,
    get_records,
    post_events,
)
from servanda_client.models import Noted, PartyRegistered, Problem
from servanda_client.models.get_proof_number_format import GetProofNumberFormat

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])


def count():
    return get_records.sync(client=client, limit=1).head.count


# A list, in pages.
page = get_commitments.sync(client=client, limit=3)
ids = [item["id"] for item in page.items]
while page.next_ is not None:
    page = get_commitments.sync(client=client, limit=3, cursor=page.next_)
    ids += [item["id"] for item in page.items]
assert ids == ["C1", "C2", "C3", "C4"], ids

# A batch with import keys, rehearsed, recorded, and sent again as after a lost answer.
batch = [
    PartyRegistered.from_dict({"event": "party", "id": "peru", "kind": "state", "name": "Peru", "import_key": "k1"}),
    Noted.from_dict({"event": "note", "text": "about it", "about": "@k1", "import_key": "k2"}),
]
before = count()
rehearsed = post_events.sync(client=client, body=batch, dry_run=True)
assert rehearsed.dry_run and [one.record for one in rehearsed.receipts] == [before, before + 1]
assert count() == before
recorded = post_events.sync_detailed(client=client, body=batch)
assert recorded.status_code == 201
again = post_events.sync_detailed(client=client, body=batch)
assert again.status_code == 200 and all(one.known for one in again.parsed.receipts)
assert count() == before + 2

# Only if the head is still the one that the client saw.
tag = get_records.sync_detailed(client=client, limit=1).headers["etag"]
note = Noted.from_dict({"event": "note", "text": "the first"})
assert post_events.sync_detailed(client=client, body=note, if_match=tag).status_code == 201
late = post_events.sync_detailed(client=client, body=note, if_match=tag)
assert late.status_code == 412 and isinstance(late.parsed, Problem), late

# What is wrong is told with its place.
wrong = post_events.sync(client=client, body=[note, Noted.from_dict({"event": "note", "text": "x", "about": "nobody"})])
assert isinstance(wrong, Problem) and wrong.errors[0].event == 1, wrong

# An answer that the client has already is not sent again.
tag = get_records.sync_detailed(client=client, limit=1).headers["etag"]
assert get_records.sync_detailed(client=client, limit=1, if_none_match=tag).status_code == 304

# The answer has two media types, of which the generator takes the first, text.
proof = json.loads(get_proof_number.sync(client=client, number=before, format_=GetProofNumberFormat.JSON))
assert (proof["index"], proof["size"]) == (before, count()), proof
