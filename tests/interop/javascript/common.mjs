// What the apps of these tests share: the SDK's client, lines of JSON for the test that reads them, an HTTP server for
// the webhooks, whose events the SDK's own parser reads.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { CallAutomationClient, parseCallAutomationEvent } from "@azure/communication-call-automation";

const { ACS_CONNECTION_STRING, APP_PORT } = process.env;

export const base = `http://127.0.0.1:${APP_PORT}`;
export const client = new CallAutomationClient(ACS_CONNECTION_STRING, { allowInsecureConnection: true });
export const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function answer(response, status, content = "", type = "application/json") {
  response.writeHead(status, { "Content-Type": type });
  response.end(content);
}

// Listens for webhooks. `incoming` gets the data of each IncomingCall, `event` each parsed event and the path it came to;
// `files` has the file to send for a path. What goes wrong is printed and ends the app.
export function listen({ incoming, event, files = {} }) {
  const server = createServer(async (request, response) => {
    if (files[request.url]) {
      answer(response, 200, readFileSync(files[request.url]), "audio/wav");
      return;
    }
    const text = await body(request);
    try {
      if (request.url !== "/incoming") {
        answer(response, 200);
        await event(parseCallAutomationEvent(text), request.url);
        return;
      }
      for (const one of JSON.parse(text)) {
        if (one.eventType === "Microsoft.EventGrid.SubscriptionValidationEvent") {
          answer(response, 200, JSON.stringify({ validationResponse: one.data.validationCode }));
          return;
        }
        answer(response, 200);
        await incoming(one.data);
      }
    } catch (error) {
      say({ error: String(error), text });
      process.exitCode = 1;
      server.close();
    }
  });
  server.listen(Number(APP_PORT), "127.0.0.1", () => say({ step: "listening" }));
  return server;
}

// An app for one call: it answers with these options, does the step that has the name of an event when it comes, and ends
// with the call. A step gets the event, the call connection and its caller.
export function run({ answering = {}, files = {}, steps }) {
  let call;
  let caller;
  const server = listen({
    files,
    async incoming(data) {
      caller = { phoneNumber: data.from.phoneNumber.value };
      const answered = await client.answerCall(data.incomingCallContext, `${base}/callbacks`, answering);
      call = answered.callConnection;
      say({ step: "answered", id: answered.callConnectionProperties.callConnectionId });
    },
    async event(event) {
      say({ event: event.kind, context: event.operationContext, data: event });
      await steps[event.kind]?.(event, call, caller);
      if (event.kind === "CallDisconnected") server.close();
    },
  });
}
