"""Makes a bucket: python3 make_bucket.py ENDPOINT BUCKET KEY SECRET. Signs the request by AWS Signature Version 4."""

import datetime
import hashlib
import hmac
import sys
import urllib.request

endpoint, bucket, key, secret = sys.argv[1:]
host = endpoint.split("://")[1]
now = datetime.datetime.now(datetime.timezone.utc)
day, time = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
empty = hashlib.sha256(b"").hexdigest()
signed = "host;x-amz-content-sha256;x-amz-date"
request = f"PUT\n/{bucket}\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{time}\n\n{signed}\n{empty}"
scope = f"{day}/us-east-1/s3/aws4_request"
digest = hashlib.sha256(request.encode()).hexdigest()
signing = ("AWS4" + secret).encode()
for part in scope.split("/"):
    signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}"
signature = hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()
headers = {
    "x-amz-content-sha256": empty,
    "x-amz-date": time,
    "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}",
}
urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{bucket}", method="PUT", headers=headers), timeout=10)
