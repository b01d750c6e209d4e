"""An S3 server in memory that speaks as much as uploads, downloads and deletions need.

It verifies signatures (AWS Signature Version 4) and lists nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from itertools import count
from urllib.parse import quote

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY_ID, KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([\w-]+)/s3/aws4_request, "
    r"SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})"
)


class FakeS3:
    """Buckets of objects, path-style. ``fail`` answers that many requests with 503 first."""

    def __init__(self, *buckets: str) -> None:
        self.buckets: dict[str, dict[str, tuple[bytes, str]]] = {name: {} for name in buckets}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.seen: list[str] = []
        self.fail = 0
        self._types: dict[str, str] = {}
        self._ids = count(1)
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{bucket}/{key:.+}", self._answer)
        self._server = TestServer(app)

    async def start(self) -> str:
        """Its base URL."""
        await self._server.start_server()
        return str(self._server.make_url("")).rstrip("/")

    async def close(self) -> None:
        await self._server.close()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append(f"{request.method} {request.query_string.partition('=')[0]}".strip())
        if self.fail:
            self.fail -= 1
            return _error(503, "SlowDown")
        if not _signed(request, body):
            return _error(403, "SignatureDoesNotMatch")
        bucket = self.buckets.get(request.match_info["bucket"])
        if bucket is None:
            return _error(404, "NoSuchBucket")
        key, query = request.match_info["key"], request.query
        if request.method == "POST" and "uploads" in query:
            name = f"upload{next(self._ids)}"
            self.uploads[name] = {}
            self._types[name] = request.content_type
            inner = f"<Bucket>b</Bucket><Key>{key}</Key><UploadId>{name}</UploadId>"
            return _xml(f"<InitiateMultipartUploadResult>{inner}</InitiateMultipartUploadResult>")
        if request.method == "POST" and "uploadId" in query:
            parts = self.uploads.pop(query["uploadId"])
            data = b"".join(parts[number] for number in sorted(parts))
            bucket[key] = (data, self._types.pop(query["uploadId"]))
            inner = f'<Location>x</Location><Bucket>b</Bucket><Key>{key}</Key><ETag>"whole"</ETag>'
            return _xml(f"<CompleteMultipartUploadResult>{inner}</CompleteMultipartUploadResult>")
        if request.method == "PUT" and "partNumber" in query:
            self.uploads[query["uploadId"]][int(query["partNumber"])] = body
            return web.Response(headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})
        if request.method == "PUT":
            bucket[key] = (body, request.content_type)
            return web.Response(headers={"ETag": '"one"'})
        if request.method == "DELETE":
            if "uploadId" in query:
                self.uploads.pop(query["uploadId"], None)
            else:
                bucket.pop(key, None)
            return web.Response(status=204)
        if key not in bucket:
            return _error(404, "NoSuchKey")
        return _object(request, *bucket[key])


def _object(request: web.Request, data: bytes, media_type: str) -> web.Response:
    headers = {"ETag": '"one"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "Content-Type": media_type}
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
    if match is None:
        return web.Response(body=data, headers=headers)
    first, last = int(match[1]), min(int(match[2]), len(data) - 1)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return web.Response(status=206, body=data[first : last + 1], headers=headers)


def _signed(request: web.Request, body: bytes) -> bool:
    match = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if match is None or match[1] != KEY_ID:
        return False
    day, region, names, signature = match[2], match[3], match[4].split(";"), match[5]
    digest = request.headers["x-amz-content-sha256"]
    if digest != "UNSIGNED-PAYLOAD" and digest != hashlib.sha256(body).hexdigest():
        return False
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in request.query.items())
    canonical = "\n".join(
        [
            request.method,
            request.raw_path.partition("?")[0],
            "&".join(f"{k}={v}" for k, v in pairs),
            *(f"{name}:{request.headers[name].strip()}" for name in names),
            "",
            match[4],
            digest,
        ]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            request.headers["x-amz-date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = b"AWS4" + KEY.encode()
    for part in (day, region, "s3", "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), signature)


def _xml(body: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{body}', content_type="application/xml")


def _error(status: int, code: str) -> web.Response:
    response = _xml(f"<Error><Code>{code}</Code><Message>no</Message></Error>")
    response.set_status(status)
    return response
