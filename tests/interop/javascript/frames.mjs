// Reads frames of a WebSocket of the server (a JSON array of texts) from standard input, parses each with the SDK's own
// parser, as a text and as the octets of it, and prints what it made of them, one JSON line each.
import { deepStrictEqual } from "node:assert";
import { text as textOf } from "node:stream/consumers";
import { StreamingData } from "@azure/communication-call-automation";

for (const text of JSON.parse(await textOf(process.stdin))) {
  const data = StreamingData.parse(text);
  const kind = StreamingData.getStreamingKind();
  const { buffer, byteOffset, byteLength } = new TextEncoder().encode(text);
  deepStrictEqual(StreamingData.parse(buffer.slice(byteOffset, byteOffset + byteLength)), data);
  process.stdout.write(JSON.stringify({ kind, data }) + "\n");
}
