// An ordinary Call Automation app on the official JavaScript SDK. It answers a call, plays a prompt and collects
// two digits; then it sends digits, holds and unholds the caller, and hangs up. Each event is printed as one JSON line,
// which is what the test reads.
import { base, run, say } from "./common.mjs";

const prompt = [{ kind: "fileSource", url: `${base}/prompt.wav` }];

const steps = {
  async CallConnected(_event, call) {
    call.getCallMedia(); // the same object every time
    await call.getCallMedia().playToAll(prompt, { operationContext: "welcome" });
    const properties = await call.getCallConnectionProperties();
    const participants = await call.listParticipants();
    say({ step: "connected", state: properties.callConnectionState, participants: participants.values.length });
  },
  async PlayCompleted(_event, call, caller) {
    await call.getCallMedia().startRecognizing(caller, {
      kind: "callMediaRecognizeDtmfOptions",
      maxTonesToCollect: 2,
      playPrompts: prompt,
      interruptPrompt: true,
      initialSilenceTimeoutInSeconds: 15,
      operationContext: "digits",
    });
  },
  async RecognizeCompleted(event, call, caller) {
    say({ step: "digits", tones: event.dtmfResult.tones });
    await call.getCallMedia().startContinuousDtmfRecognition(caller, { operationContext: "keys" });
    await call.getCallMedia().sendDtmfTones(["one", "pound"], caller, { operationContext: "sent" });
  },
  async SendDtmfTonesCompleted(_event, call, caller) {
    await call.getCallMedia().hold(caller, { playSource: prompt[0], operationContext: "hold" });
    const held = await call.getParticipant(caller);
    say({ step: "held", isOnHold: held.isOnHold });
    await call.getCallMedia().unhold(caller, { operationContext: "unhold" });
    await call.getCallMedia().stopContinuousDtmfRecognition(caller, { operationContext: "keys" });
    await call.getCallMedia().cancelAllOperations();
    await call.hangUp(true);
  },
};

run({ answering: { operationContext: "answer" }, files: { "/prompt.wav": process.env.PROMPT_FILE }, steps });
