// The play pages: what they show, each as a function of the client and of what a reader fills in.
import { VoiceKind } from "@azure/communication-call-automation";

const media = (client, given) => client.getCallConnection(given.callConnectionId).getCallMedia();
const target = (given) => [{ phoneNumber: given.target }];
const toAll = (source) => (client, given) => media(client, given).playToAll([source]);
const barging = (given) => ({
  loop: false,
  interruptCallMediaOperation: true,
  operationContext: "interruptOperationContext",
  operationCallbackUrl: given.operationCallbackUrl,
});
const several = (given) => ({
  interruptCallMediaOperation: false,
  operationContext: "multiplePlayContext",
  operationCallbackUrl: given.operationCallbackUrl,
  loop: false,
});
const file = (given) => ({ url: given.audioUrl, kind: "fileSource" });
const byGender = (text) => ({ text, sourceLocale: "en-US", voiceKind: VoiceKind.Female, kind: "textSource" });
const byName = (text) => ({ text, voiceName: "en-US-ElizabethNeural", kind: "textSource" });
const spoken = (voice, words) =>
  '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">' +
  `<voice name="${voice}">${words}</voice></speak>`;

export const play = {
  answer: (client, given) =>
    client.answerCall(given.incomingCallContext, given.callbackUrl, {
      callIntelligenceOptions: { cognitiveServicesEndpoint: given.cognitiveServicesEndpoint },
    }),
  "play-file-to-all": (client, given) => media(client, given).playToAll([file(given)]),
  "play-file-to-one": (client, given) => media(client, given).play([file(given)], target(given)),
  "play-files": (client, given) => media(client, given).playToAll([file(given), file(given)], several(given)),
  "play-text-by-gender": toAll(byGender("Welcome to Contoso")),
  "play-texts-by-gender": (client, given) =>
    media(client, given).playToAll([byGender("First prompt."), byGender("Second prompt.")], several(given)),
  "play-text-by-voice": toAll(byName("Welcome to Contoso")),
  "play-texts-by-voice": (client, given) =>
    media(client, given).playToAll([byName("First prompt."), byName("Second prompt.")], several(given)),
  "play-text-to-one": (client, given) =>
    media(client, given).play([byName("Welcome to Contoso")], target(given)),
  "play-ssml": toAll({ ssmlText: spoken("en-US-JennyNeural", "Hello World!"), kind: "ssmlSource" }),
  "play-custom-voice": toAll({
    text: "Welcome to Contoso",
    voiceName: "YourCustomVoiceName",
    customVoiceEndpointId: "YourCustomEndpointId",
    kind: "textSource",
  }),
  "play-custom-voice-ssml": toAll({
    ssmlText: spoken("YourCustomVoiceName", "Hello World!"),
    customVoiceEndpointId: "YourCustomEndpointId",
    kind: "ssmlSource",
  }),
  "play-in-a-loop": (client, given) =>
    media(client, given).playToAll([byName("Welcome to Contoso")], { loop: true }),
  "barge-in-with-text": (client, given) =>
    media(client, given).playToAll([byName("Interrupt prompt")], barging(given)),
  "barge-in-with-file": (client, given) => media(client, given).playToAll([file(given)], barging(given)),
  "play-cached-file": (client, given) =>
    media(client, given).play(
      [{ url: given.audioUrl, playsourcacheid: given.playSourceId, kind: "fileSource" }],
      target(given),
    ),
  "cancel-all": (client, given) => media(client, given).cancelAllOperations(),
};
