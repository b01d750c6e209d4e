// A Call Automation app on the official JavaScript SDK that speaks and listens: it answers a call with cognitive
// services, greets, asks for a choice and then an open question, says goodbye and hangs up. Each event is printed as one
// JSON line, which is what the test reads.
import { DtmfTone } from "@azure/communication-call-automation";
import { run, say } from "./common.mjs";

const text = (words) => ({ kind: "textSource", text: words, voiceName: "en-US-ElizabethNeural" });
const ssml = {
  kind: "ssmlSource",
  ssmlText:
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">' +
    '<voice name="en-US-JennyNeural">Hello World!</voice></speak>',
};
const locale = { kind: "textSource", text: "Thank you.", sourceLocale: "en-US", voiceKind: "female" };

const steps = {
  async CallConnected(_event, call) {
    await call.getCallMedia().playToAll([text("Welcome to Contoso"), ssml], { operationContext: "greeting" });
  },
  async PlayCompleted(event, call, caller) {
    if (event.operationContext === "farewell") {
      await call.hangUp(true);
      return;
    }
    await call.getCallMedia().startRecognizing(caller, {
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
  async RecognizeCompleted(event, call, caller) {
    const media = call.getCallMedia();
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

run({
  answering: { callIntelligenceOptions: { cognitiveServicesEndpoint: "https://speech.example.net/" } },
  steps,
});
