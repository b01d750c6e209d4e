// The page on mid-call media actions, and the one on muting: what they show, each as a function of the client and of what
// a reader fills in.
import { DtmfTone } from "@azure/communication-call-automation";

const media = (client, given) => client.getCallConnection(given.callConnectionId).getCallMedia();
const target = (given) => ({ phoneNumber: given.target });
const listening = { operationContext: "dtmf-reco-on-c2" };

export const control = {
  "send-dtmf": (client, given) =>
    media(client, given).sendDtmfTones(
      Array(given.times ?? 1).fill([DtmfTone.One, DtmfTone.Two, DtmfTone.Three]).flat(),
      target(given),
      { operationContext: "dtmfs-to-ivr" },
    ),
  "start-continuous-dtmf": (client, given) =>
    media(client, given).startContinuousDtmfRecognition(target(given), listening),
  "stop-continuous-dtmf": (client, given) =>
    media(client, given).stopContinuousDtmfRecognition(target(given), listening),
  hold: (client, given) => media(client, given).hold(target(given)),
  "hold-with-options": (client, given) =>
    media(client, given).hold(target(given), {
      playSource: { url: given.audioUrl, kind: "fileSource" },
      operationContext: "holdUserContext",
      operationCallbackUrl: given.operationCallbackUrl,
    }),
  unhold: (client, given) => media(client, given).unhold(target(given)),
  "unhold-with-options": (client, given) =>
    media(client, given).unhold(target(given), { operationContext: "unholdUserContext" }),
  mute: (client, given) =>
    client
      .getCallConnection(given.callConnectionId)
      .muteParticipant({ communicationUserId: given.user }, { operationContext: "OperationContext" }),
  "mute-number": (client, given) =>
    client.getCallConnection(given.callConnectionId).muteParticipant(target(given)),
};
