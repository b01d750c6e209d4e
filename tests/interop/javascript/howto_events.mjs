// What the pages' event handlers read, by the kind of the event. The whole event is printed beside it.
const context = (event) => ({ context: event.operationContext });
const failure = (event) => ({ message: event.resultInformation.message, ...context(event) });

function recognised(event) {
  if (event.recognitionType === "dtmf") return { tones: event.dtmfResult.tones, ...context(event) };
  if (event.recognitionType === "choices") {
    const { label, recognizedPhrase } = event.choiceResult;
    return { label, phrase: recognizedPhrase, ...context(event) };
  }
  return { text: event.speechResult.speech, ...context(event) };
}

function people(event) {
  return event.participants.map(({ identifier, isMuted, isOnHold }) => ({
    id: identifier.communicationUserId ?? identifier.rawId,
    isMuted,
    isOnHold,
  }));
}

export const readers = {
  ParticipantsUpdated: (event) => ({ people: people(event) }),
  PlayStarted: context,
  PlayCompleted: context,
  PlayCanceled: context,
  PlayFailed: failure,
  RecognizeCompleted: recognised,
  RecognizeFailed: failure,
  RecognizeCanceled: context,
  SendDtmfTonesCompleted: context,
  SendDtmfTonesFailed: failure,
  ContinuousDtmfRecognitionToneReceived: (event) => ({
    sequenceId: event.sequenceId,
    tone: event.tone,
    ...context(event),
  }),
  ContinuousDtmfRecognitionStopped: context,
};
