// The recognise pages: what they show, each as a function of the client and of what a reader fills in.
import { DtmfTone } from "@azure/communication-call-automation";

const text = (words) => ({ text: words, voiceName: "en-US-ElizabethNeural", kind: "textSource" });
const start = (options) => (client, given) =>
  client
    .getCallConnection(given.callConnectionId)
    .getCallMedia()
    .startRecognizing({ phoneNumber: given.target }, options);

const question = text("Hi, how can I help you today?");
const model = { speechRecognitionModelEndpointId: "YourCustomSpeechEndpointId" };
const reminder =
  "Hello, This is a reminder for your appointment at 2 PM, Say Confirm to confirm your appointment or " +
  "Cancel to cancel the appointment. Thank you!";

const expressive =
  '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis"' +
  ' xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang="en-US"><voice name="en-US-JennyNeural">' +
  '<mstts:express-as style="cheerful">Hi, how can I help you today?</mstts:express-as><s /></voice></speak>';

export const recognise = {
  "recognise-dtmf": start({
    maxTonesToCollect: 3,
    initialSilenceTimeoutInSeconds: 30,
    playPrompt: text("Welcome to Contoso, please enter 3 DTMF."),
    interToneTimeoutInSeconds: 5,
    interruptPrompt: true,
    stopDtmfTones: [DtmfTone.Pound],
    kind: "callMediaRecognizeDtmfOptions",
  }),
  "recognise-choices": start({
    choices: [
      { label: "Confirm", phrases: ["Confirm", "First", "One"], tone: DtmfTone.One },
      { label: "Cancel", phrases: ["Cancel", "Second", "Two"], tone: DtmfTone.Two },
    ],
    interruptPrompt: true,
    initialSilenceTimeoutInSeconds: 30,
    playPrompt: text(reminder),
    operationContext: "AppointmentReminderMenu",
    kind: "callMediaRecognizeChoiceOptions",
    ...model,
  }),
  "recognise-speech": start({
    endSilenceTimeoutInSeconds: 1,
    playPrompt: question,
    operationContext: "OpenQuestionSpeech",
    kind: "callMediaRecognizeSpeechOptions",
    ...model,
  }),
  "recognise-speech-or-dtmf": start({
    maxTonesToCollect: 1,
    endSilenceTimeoutInSeconds: 1,
    playPrompt: text("Hi, how can I help you today, you can press 0 to speak to an agent?"),
    initialSilenceTimeoutInSeconds: 30,
    interruptPrompt: true,
    operationContext: "OpenQuestionSpeechOrDtmf",
    kind: "callMediaRecognizeSpeechOrDtmfOptions",
    ...model,
  }),
  "recognise-speech-over-ssml": start({
    interruptCallMediaOperation: true,
    interruptPrompt: false,
    playPrompt: { ssmlText: expressive, playSourceCacheId: "playSourceId", kind: "ssmlSource" },
    endSilenceTimeoutInSeconds: 1,
    operationContext: "OpenQuestionSpeech",
    kind: "callMediaRecognizeSpeechOptions",
  }),
  "play-response": (client, given) =>
    client
      .getCallConnection(given.callConnectionId)
      .getCallMedia()
      .playToAll([text("Invalid speech phrase detected.")], { operationContext: "ResponseToChoice", loop: false }),
  "recognise-languages": start({
    endSilenceTimeoutInSeconds: 30,
    playPrompt: question,
    operationContext: "speechContext",
    kind: "callMediaRecognizeSpeechOptions",
    speechLanguages: ["en-US", "hi-IN", "fr-FR"],
    ...model,
  }),
  "recognise-sentiment": start({
    endSilenceTimeoutInSeconds: 30,
    playPrompt: question,
    operationContext: "speechContext",
    kind: "callMediaRecognizeSpeechOptions",
    enableSentimentAnalysis: true,
  }),
};
