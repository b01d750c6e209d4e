// The official SDKs behind the scenarios' operation names: arguments in, plain values out.
//
// Arguments carry the wire's names, with raw ids for identifiers; answers come back the same way, read from the
// SDK's own objects.
import { CallAutomationClient } from "@azure/communication-call-automation";
import { createIdentifierFromRawId, getIdentifierRawId } from "@azure/communication-common";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { PhoneNumbersClient } from "@azure/communication-phone-numbers";

const person = (rawId) => (rawId === undefined ? undefined : createIdentifierFromRawId(rawId));
const people = (rawIds) => rawIds?.map(person);
const contexts = ({ operationContext, operationCallbackUri }) => ({
  operationContext,
  operationCallbackUrl: operationCallbackUri,
});

function source(given) {
  const { file, text, ssml, ...options } = given;
  if (file !== undefined) return { kind: "fileSource", url: file, ...options };
  if (text !== undefined) return { kind: "textSource", text, ...options };
  return { kind: "ssmlSource", ssmlText: ssml, ...options };
}

function customContext(given) {
  if (given === undefined) return undefined;
  const listed = Object.entries(given.sipHeaders ?? {}).map(([name, value]) => {
    if (name === "User-To-User") return { kind: "sipuui", key: "", value };
    const prefix = name.startsWith("X-MS-Custom-") ? "X-MS-Custom-" : "X-";
    return { kind: "sipx", key: name.slice(prefix.length), value, sipHeaderPrefix: prefix };
  });
  for (const [key, value] of Object.entries(given.voipHeaders ?? {})) listed.push({ kind: "voip", key, value });
  if (given.teamsPhoneCallDetails) {
    const { teamsPhoneCallerDetails: caller, teamsPhoneSourceDetails: from, ...rest } = given.teamsPhoneCallDetails;
    const details = { kind: "TeamsPhoneCallDetails", ...rest };
    if (caller) details.teamsPhoneCallerDetails = { ...caller, caller: person(caller.caller) };
    if (from) {
      const targets = Object.entries(from.intendedTargets ?? {}).map(([key, one]) => [key, person(one)]);
      details.teamsPhoneSourceDetails = {
        ...from,
        source: person(from.source),
        intendedTargets: Object.fromEntries(targets),
      };
    }
    listed.push(details);
  }
  return listed;
}

const invite = (target, a) => ({
  targetParticipant: person(target),
  sourceCallIdNumber: person(a.sourceCallerIdNumber),
  sourceDisplayName: a.sourceDisplayName,
  customCallingContext: customContext(a.customCallingContext),
});

const setup = (a) => ({
  operationContext: a.operationContext,
  callIntelligenceOptions:
    a.cognitiveServicesEndpoint && { cognitiveServicesEndpoint: a.cognitiveServicesEndpoint },
  mediaStreamingOptions: a.mediaStreamingOptions,
  transcriptionOptions: a.transcriptionOptions,
  teamsAppSource: person(a.teamsAppSource),
});

function locator(given) {
  const found = given && Object.entries(given)[0];
  if (!found) return undefined;
  const kinds = { serverCallId: "serverCallLocator", groupCallId: "groupCallLocator", roomId: "roomCallLocator" };
  return { kind: kinds[found[0]], id: found[1] };
}

const KINDS = {
  dtmf: "callMediaRecognizeDtmfOptions",
  choices: "callMediaRecognizeChoiceOptions",
  speech: "callMediaRecognizeSpeechOptions",
  speechOrDtmf: "callMediaRecognizeSpeechOrDtmfOptions",
};

function recognizing(a) {
  const prompts = a.playPrompts?.map(source);
  return {
    kind: KINDS[a.recognizeInputType],
    ...contexts(a),
    playPrompt: prompts?.length === 1 ? prompts[0] : undefined,
    playPrompts: prompts?.length > 1 ? prompts : undefined,
    interruptCallMediaOperation: a.interruptCallMediaOperation,
    interruptPrompt: a.interruptPrompt,
    initialSilenceTimeoutInSeconds: a.initialSilenceTimeoutInSeconds,
    interToneTimeoutInSeconds: a.interToneTimeoutInSeconds,
    maxTonesToCollect: a.maxTonesToCollect,
    stopDtmfTones: a.stopTones,
    choices: a.choices,
    speechLanguage: a.speechLanguage,
    speechRecognitionModelEndpointId: a.speechRecognitionModelEndpointId,
    endSilenceTimeoutInSeconds: a.endSilenceTimeoutInSeconds,
  };
}

function storage(given) {
  if (given === undefined) return undefined;
  if (given === "") return { recordingStorageKind: "azureCommunicationServices" };
  return { recordingStorageKind: "azureBlobStorage", recordingDestinationContainerUrl: given };
}

const recording = (a) => ({
  callLocator: locator(a.callLocator),
  callConnectionId: a.callConnectionId,
  recordingStateCallbackEndpointUrl: a.recordingStateCallbackUri,
  recordingContent: a.recordingContentType,
  recordingChannel: a.recordingChannelType,
  recordingFormat: a.recordingFormatType,
  recordingStorage: storage(a.externalStorage),
  pauseOnStart: a.pauseOnStart,
  audioChannelParticipantOrdering: people(a.audioChannelParticipantOrdering),
  channelAffinity: a.channelAffinity?.map((one) => ({
    channel: one.channel,
    targetParticipant: person(one.participant),
  })),
});

const transcribing = (a) => ({
  ...contexts(a),
  locale: a.locale,
  speechRecognitionModelEndpointId: a.speechModelEndpointId,
});

const groupCall = (app, a) =>
  app.createGroupCall(people(a.targets), a.callbackUri, {
    ...setup(a),
    sourceCallIdNumber: person(a.sourceCallerIdNumber),
    sourceDisplayName: a.sourceDisplayName,
  });

const OPERATIONS = {
  createCall: ({ app }, a) =>
    a.targets.length === 1
      ? app.createCall(invite(a.targets[0], a), a.callbackUri, setup(a))
      : groupCall(app, a),
  createGroupCall: ({ app }, a) => groupCall(app, a),
  answerCall: ({ app }, a) => app.answerCall(a.incomingCallContext, a.callbackUri, setup(a)),
  redirectCall: ({ app }, a) => app.redirectCall(a.incomingCallContext, invite(a.target, a)),
  rejectCall: ({ app }, a) => app.rejectCall(a.incomingCallContext, { callRejectReason: a.callRejectReason }),
  connect: ({ app }, a) => app.connectCall(locator(a.callLocator), a.callbackUri, setup(a)),
  getCall: ({ call }) => call.getCallConnectionProperties(),
  hangupCall: ({ call }) => call.hangUp(false),
  terminateCall: ({ call }) => call.hangUp(true),
  transferToParticipant: ({ call }, a) =>
    call.transferCallToParticipant(person(a.targetParticipant), {
      ...contexts(a),
      transferee: person(a.transferee),
      customCallingContext: customContext(a.customCallingContext),
      sourceCallIdNumber: person(a.sourceCallerIdNumber),
    }),
  getParticipants: ({ call }) => call.listParticipants(),
  getParticipant: ({ call }, a) => call.getParticipant(person(a.participant)),
  addParticipant: ({ call }, a) =>
    call.addParticipant(invite(a.participantToAdd, a), {
      ...contexts(a),
      invitationTimeoutInSeconds: a.invitationTimeoutInSeconds,
    }),
  removeParticipant: ({ call }, a) => call.removeParticipant(person(a.participantToRemove), contexts(a)),
  muteParticipants: ({ call }, a) => call.muteParticipant(person(a.targetParticipant), contexts(a)),
  cancelAddParticipant: ({ call }, a) => call.cancelAddParticipantOperation(a.invitationId, contexts(a)),
  moveParticipants: ({ call }, a) => call.moveParticipants(people(a.targetParticipants), a.fromCall, contexts(a)),
  play: ({ media }, a) => {
    const options = { ...contexts(a), loop: a.loop };
    const sources = a.playSources.map(source);
    if (a.playTo) return media.play(sources, people(a.playTo), options);
    return media.playToAll(sources, { ...options, interruptCallMediaOperation: a.interruptCallMediaOperation });
  },
  playToAll: (clients, a) => OPERATIONS.play(clients, a),
  recognize: ({ media }, a) => media.startRecognizing(person(a.targetParticipant), recognizing(a)),
  cancelAllMediaOperations: ({ media }) => media.cancelAllOperations(),
  startContinuousDtmfRecognition: ({ media }, a) =>
    media.startContinuousDtmfRecognition(person(a.targetParticipant), contexts(a)),
  stopContinuousDtmfRecognition: ({ media }, a) =>
    media.stopContinuousDtmfRecognition(person(a.targetParticipant), contexts(a)),
  sendDtmfTones: ({ media }, a) => media.sendDtmfTones(a.tones, person(a.targetParticipant), contexts(a)),
  hold: ({ media }, a) =>
    media.hold(person(a.targetParticipant), {
      ...contexts(a),
      playSource: a.playSourceInfo && source(a.playSourceInfo),
    }),
  unhold: ({ media }, a) => media.unhold(person(a.targetParticipant), contexts(a)),
  startMediaStreaming: ({ media }, a) => media.startMediaStreaming(contexts(a)),
  stopMediaStreaming: ({ media }, a) => media.stopMediaStreaming(contexts(a)),
  startTranscription: ({ media }, a) => media.startTranscription(transcribing(a)),
  stopTranscription: ({ media }, a) => media.stopTranscription(contexts(a)),
  updateTranscription: ({ media }, a) => media.updateTranscription(a.locale, transcribing(a)),
  startRecording: ({ app }, a) => app.getCallRecording().start(recording(a)),
  getRecordingState: ({ app }, a) => app.getCallRecording().getState(a.recordingId),
  stopRecording: ({ app }, a) => app.getCallRecording().stop(a.recordingId),
  pauseRecording: ({ app }, a) => app.getCallRecording().pause(a.recordingId),
  resumeRecording: ({ app }, a) => app.getCallRecording().resume(a.recordingId),
  createIdentity: async ({ identity }) => ({ identity: await identity.createUser() }),
  createIdentityAndToken: async ({ identity }, a) => {
    const options = { tokenExpiresInMinutes: a.expiresInMinutes };
    const { user, ...accessToken } = await identity.createUserAndToken(a.scopes, options);
    return { identity: user, accessToken };
  },
  issueAccessToken: ({ identity }, a) =>
    identity.getToken(person(a.user), a.scopes, { tokenExpiresInMinutes: a.expiresInMinutes }),
  revokeAccessTokens: ({ identity }, a) => identity.revokeTokens(person(a.user)),
  deleteIdentity: ({ identity }, a) => identity.deleteUser(person(a.user)),
  exchangeTeamsUserAccessToken: ({ identity }, a) =>
    identity.getTokenForTeamsUser({
      teamsUserAadToken: a.token,
      clientId: a.appId,
      userObjectId: a.userId,
    }),
  listPhoneNumbers: async ({ numbers }) => {
    const value = [];
    for await (const one of numbers.listPurchasedPhoneNumbers()) value.push(one);
    return { value };
  },
  getPhoneNumber: ({ numbers }, a) => numbers.getPurchasedPhoneNumber(a.phoneNumber),
};

const ANSWERED = {
  targetParticipants: "targets",
  answeredby: "answeredBy",
  values: "value",
  subscribedResultStates: "subscribedResultTypes",
};

/** An SDK's object as plain values: the wire's names, identifiers as raw ids. */
export function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== "object") return value;
  if (typeof value.rawId === "string" && "kind" in value) return value.rawId;
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  const ids = ["communicationUserId", "phoneNumber", "microsoftTeamsUserId", "teamsAppId"];
  if (keys.length <= 3 && keys.some((key) => ids.includes(key))) return getIdentifierRawId(value);
  const shown = {};
  for (const key of keys) {
    const one = plain(value[key]);
    if (one !== null && typeof one !== "function") shown[ANSWERED[key] ?? key] = one;
  }
  return shown;
}

/** The clients of one credential: `key` or `token`; `source` is its identity, `version` its api-version. */
export class Sdk {
  constructor(endpoint, { key, token, source, version }, options) {
    const expiresOnTimestamp = Date.now() + 3600_000;
    const credential = key ? { key } : { getToken: async () => ({ token, expiresOnTimestamp }) };
    this.app = new CallAutomationClient(endpoint, credential, {
      ...options,
      ...(version && { apiVersion: version }),
      sourceIdentity: source && { communicationUserId: source, id: source },
    });
    this.version = version;
    this.identity = new CommunicationIdentityClient(endpoint, credential, options);
    this.numbers = new PhoneNumbersClient(endpoint, credential, options);
  }

  /** Run an operation; its result as plain values. */
  async call(operation, on, given) {
    const run = OPERATIONS[operation];
    if (!run) throw new Error(`no operation ${operation}`);
    const call = on ? this.app.getCallConnection(on) : undefined;
    const result = await run({ ...this, call, media: call?.getCallMedia() }, given);
    return plain(result?.callConnectionProperties ?? result) ?? {};
  }
}
