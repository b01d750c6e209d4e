// Reads pieces of audio (a JSON array of texts in base64) from standard input and prints the frames that the SDK makes
// of them for the server, one JSON line each; the last one is the frame that takes back what has not been said.
import { text as textOf } from "node:stream/consumers";
import { createOutboundAudioData, createOutboundStopAudioData } from "@azure/communication-call-automation";

for (const piece of JSON.parse(await textOf(process.stdin))) process.stdout.write(createOutboundAudioData(piece) + "\n");
process.stdout.write(createOutboundStopAudioData() + "\n");
