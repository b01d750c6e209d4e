// A Call Automation app on the official JavaScript SDK that records a call: it starts the recording, waits for the event that
// names its files, downloads them whole and in ranges, and deletes them. Each step is printed as one JSON line, which is
// what the test reads.
import dns from "node:dns";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { base, client, listen, say } from "./common.mjs";

const { CONTENT_HOST, DOWNLOAD } = process.env;

// The name leads to this machine, as a private zone or a line in the hosts file would have it.
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host === CONTENT_HOST ? "127.0.0.1" : host, ...rest);

const recording = client.getCallRecording();

async function bytes(url, options) {
  const chunks = [];
  for await (const chunk of await recording.downloadStreaming(url, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const digest = (data) => createHash("sha256").update(data).digest("hex");

async function refusal(ask) {
  try {
    await ask();
    return 0;
  } catch (error) {
    return error.status ?? error.statusCode ?? String(error);
  }
}

async function fetchAndDelete({ contentLocation, metadataLocation, deleteLocation, documentId }) {
  const whole = await bytes(contentLocation);
  const middle = await bytes(contentLocation, { offset: 4096, length: 4096 });
  const end = await bytes(contentLocation, { offset: whole.length - 10 });
  await recording.downloadToPath(contentLocation, DOWNLOAD);
  const metadata = JSON.parse((await bytes(metadataLocation)).toString());
  say({
    step: "fetched",
    length: whole.length,
    digest: digest(whole),
    saved: statSync(DOWNLOAD).size,
    middle: middle.equals(whole.subarray(4096, 8192)),
    end: end.equals(whole.subarray(-10)),
    sameDocument: metadata.chunkDocumentId === documentId,
    sampleRate: metadata.recordingInfo.audioConfiguration.sampleRate,
  });
  await recording.delete(deleteLocation);
  const downloading = await refusal(() => bytes(contentLocation));
  const deleting = await refusal(() => recording.delete(deleteLocation));
  say({ step: "deleted", downloading, deleting });
}

let started;
const server = listen({
  async incoming(data) {
    if (data.incomingCallContext) {
      await client.answerCall(data.incomingCallContext, `${base}/callbacks`);
      return;
    }
    for (const chunk of data.recordingStorageInfo.recordingChunks) await fetchAndDelete(chunk);
    server.close();
  },
  async event(event) {
    say({ event: event.kind, state: event.state });
    if (event.kind === "RecordingStateChanged" && event.state === "active") {
      const { recordingState } = await recording.getState(event.recordingId);
      say({ step: "started", state: recordingState, same: event.recordingId === started.recordingId });
    }
    if (event.kind !== "CallConnected") return;
    started = await recording.start({
      callLocator: { kind: "serverCallLocator", id: event.serverCallId },
      recordingStateCallbackEndpointUrl: `${base}/recording`,
      recordingContent: "audio",
      recordingChannel: "mixed",
      recordingFormat: "wav",
    });
  },
});
