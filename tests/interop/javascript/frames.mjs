// Reads frames of a transcription's WebSocket (a JSON array of texts) from standard input, parses each with the SDK's own
// parser and prints what it made of them, one JSON line each.
import { readFileSync } from "node:fs";
import { StreamingData } from "@azure/communication-call-automation";

for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  const data = StreamingData.parse(text);
  process.stdout.write(JSON.stringify({ kind: StreamingData.getStreamingKind(), data }) + "\n");
}
