// A Call Automation app on the official JavaScript SDK that speaks and listens: it answers a call with cognitive
// services, greets, asks for a choice and then an open question, says goodbye and hangs up. Each event is parsed with
// the SDK's own parser and printed as one JSON line, which is what the test reads.
import { createServer } from "node:http";
import { CallAutomationClient, DtmfTone, parseCallAutomationEvent } from "@azure/communication-call-automation";

const { ACS_CONNECTION_STRING, APP_PORT } = process.env;
const base = `http://127.0.0.1:${APP_PORT}`;
const client = new CallAutomationClient(ACS_CONNECTION_STRING, { allowInsecureConnection: true });
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const text = (words) => ({ kind: "textSource", text: words, voiceName: "en-US-ElizabethNeural" });
const ssml = {
  kind: "ssmlSource",
  ssmlText:
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">' +
    '<voice name="en-US-JennyNeural">Hello World!</voice></speak>',
};
const locale = { kind: "textSource", text: "Thank you.", sourceLocale: "en-US", voiceKind: "female" };

let caller;
let media;
let call;

const steps = {
  async CallConnected() {
    media = call.getCallMedia();
    await media.playToAll([text("Welcome to Contoso"), ssml], { operationContext: "greeting" });
  },
  async PlayCompleted(event) {
    if (event.operationContext === "farewell") {
      await call.hangUp(true);
      return;
    }
    await media.startRecognizing(caller, {
      kind: "callMediaRecognizeChoiceOptions",
      choices: [
        { label: "Confirm", phrases: ["Confirm", "First", "One"], tone: DtmfTone.One },
        { label: "Cancel", phrases: ["Cancel", "Second", "Two"], tone: DtmfTone.Two },
      ],
      playPrompt: text("Say confirm to confirm your appointment, or cancel to cancel the appointment."),
      interruptPrompt: true,
      initialSilenceTimeoutInSeconds: 20,
      operationContext: "AppointmentReminderMenu",
    });
  },
  async RecognizeCompleted(event) {
    if (event.operationContext === "AppointmentReminderMenu") {
      say({ step: "choice", label: event.choiceResult.label, phrase: event.choiceResult.recognizedPhrase });
      await media.startRecognizing(caller, {
        kind: "callMediaRecognizeSpeechOptions",
        endSilenceTimeoutInSeconds: 1,
        playPrompt: text("Hi, how can I help you today?"),
        interruptPrompt: true,
        initialSilenceTimeoutInSeconds: 20,
        operationContext: "OpenQuestionSpeech",
      });
    } else if (event.operationContext === "OpenQuestionSpeech") {
      say({ step: "speech", speech: event.speechResult.speech });
      await media.startRecognizing(caller, {
        kind: "callMediaRecognizeSpeechOrDtmfOptions",
        maxTonesToCollect: 1,
        endSilenceTimeoutInSeconds: 1,
        playPrompt: text("You can press 0 to speak to an agent."),
        interruptPrompt: true,
        initialSilenceTimeoutInSeconds: 20,
        operationContext: "OpenQuestionSpeechOrDtmf",
      });
    } else {
      say({ step: "key", tones: event.dtmfResult.tones });
      await media.play([locale], [caller], { operationContext: "farewell" });
    }
  },
};

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const server = createServer(async (request, response) => {
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
        callIntelligenceOptions: { cognitiveServicesEndpoint: "https://speech.example.net/" },
      });
      call = answered.callConnection;
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
