// An ordinary Call Automation app on the official JavaScript SDK. It answers a call, plays a prompt and collects
// two digits; then it sends digits, holds and unholds the caller, and hangs up. Each event is parsed with the SDK's own
// parser and printed as one JSON line, which is what the test reads.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { CallAutomationClient, parseCallAutomationEvent } from "@azure/communication-call-automation";

const { ACS_CONNECTION_STRING, APP_PORT, PROMPT_FILE } = process.env;
const base = `http://127.0.0.1:${APP_PORT}`;
const client = new CallAutomationClient(ACS_CONNECTION_STRING, { allowInsecureConnection: true });
const prompt = [{ kind: "fileSource", url: `${base}/prompt.wav` }];
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

let caller;
let call;

const steps = {
  async CallConnected() {
    call.getCallMedia(); // the same object every time
    await call.getCallMedia().playToAll(prompt, { operationContext: "welcome" });
    const properties = await call.getCallConnectionProperties();
    const participants = await call.listParticipants();
    say({ step: "connected", state: properties.callConnectionState, participants: participants.values.length });
  },
  async PlayCompleted() {
    await call.getCallMedia().startRecognizing(caller, {
      kind: "callMediaRecognizeDtmfOptions",
      maxTonesToCollect: 2,
      playPrompts: prompt,
      interruptPrompt: true,
      initialSilenceTimeoutInSeconds: 15,
      operationContext: "digits",
    });
  },
  async RecognizeCompleted(event) {
    say({ step: "digits", tones: event.dtmfResult.tones });
    await call.getCallMedia().startContinuousDtmfRecognition(caller, { operationContext: "keys" });
    await call.getCallMedia().sendDtmfTones(["one", "pound"], caller, { operationContext: "sent" });
  },
  async SendDtmfTonesCompleted() {
    await call.getCallMedia().hold(caller, { playSource: prompt[0], operationContext: "hold" });
    const held = await call.getParticipant(caller);
    say({ step: "held", isOnHold: held.isOnHold });
    await call.getCallMedia().unhold(caller, { operationContext: "unhold" });
    await call.getCallMedia().stopContinuousDtmfRecognition(caller, { operationContext: "keys" });
    await call.getCallMedia().cancelAllOperations();
    await call.hangUp(true);
  },
};

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const server = createServer(async (request, response) => {
  if (request.url === "/prompt.wav") {
    response.writeHead(200, { "Content-Type": "audio/wav" });
    return response.end(readFileSync(PROMPT_FILE));
  }
  const text = await body(request);
  if (request.url === "/incoming") {
    for (const event of JSON.parse(text)) {
      if (event.eventType === "Microsoft.EventGrid.SubscriptionValidationEvent") {
        response.writeHead(200, { "Content-Type": "application/json" });
        return response.end(JSON.stringify({ validationResponse: event.data.validationCode }));
      }
      response.writeHead(200).end();
      caller = { phoneNumber: event.data.from.phoneNumber.value };
      const answered = await client.answerCall(event.data.incomingCallContext, `${base}/callbacks`, {
        operationContext: "answer",
      });
      call = answered.callConnection;
      say({ step: "answered", id: answered.callConnectionProperties.callConnectionId });
    }
    return;
  }
  response.writeHead(200).end();
  try {
    const event = parseCallAutomationEvent(text);
    say({ event: event.kind, context: event.operationContext, data: event });
    await steps[event.kind]?.(event);
    if (event.kind === "CallDisconnected") server.close();
  } catch (error) {
    say({ error: String(error), text });
    process.exitCode = 1;
    server.close();
  }
});
server.listen(Number(APP_PORT), "127.0.0.1", () => say({ step: "listening" }));
