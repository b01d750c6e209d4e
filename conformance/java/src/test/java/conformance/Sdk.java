package conformance;

import com.azure.communication.callautomation.CallAutomationClient;
import com.azure.communication.callautomation.CallAutomationClientBuilder;
import com.azure.communication.callautomation.CallConnection;
import com.azure.communication.callautomation.models.*;
import com.azure.communication.common.CommunicationIdentifier;
import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.common.PhoneNumberIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.communication.identity.models.GetTokenForTeamsUserOptions;
import com.azure.communication.phonenumbers.PhoneNumbersClient;
import com.azure.communication.phonenumbers.PhoneNumbersClientBuilder;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.credential.TokenCredential;
import com.azure.core.http.policy.FixedDelayOptions;
import com.azure.core.http.policy.HttpPipelinePolicy;
import com.azure.core.http.policy.RetryOptions;
import com.azure.core.util.Context;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import reactor.core.publisher.Mono;

/**
 * The official SDKs behind the scenarios' operation names: arguments in, plain values out.
 *
 * <p>Arguments carry the wire's names, with raw ids for identifiers; answers come back the same way.
 */
final class Sdk {
    private final CallAutomationClient app;
    private final CommunicationIdentityClient identity;
    private final PhoneNumbersClient numbers;

    /** Given are a {@code key} or a {@code token}, and {@code source}, the client's own identity. */
    Sdk(String endpoint, Map<String, String> given, HttpPipelinePolicy seen) {
        RetryOptions never = new RetryOptions(new FixedDelayOptions(0, Duration.ofMillis(1)));
        CallAutomationClientBuilder calls = new CallAutomationClientBuilder();
        CommunicationIdentityClientBuilder users = new CommunicationIdentityClientBuilder();
        PhoneNumbersClientBuilder owned = new PhoneNumbersClientBuilder();
        if (given.containsKey("key")) {
            AzureKeyCredential key = new AzureKeyCredential(given.get("key"));
            calls.credential(key);
            users.credential(key);
            owned.credential(key);
        } else {
            TokenCredential token = unused -> Mono.just(
                new AccessToken(given.get("token"), OffsetDateTime.now().plusHours(1)));
            calls.credential(token);
            users.credential(token);
            owned.credential(token);
        }
        if (given.containsKey("source")) {
            calls.sourceIdentity(new CommunicationUserIdentifier(given.get("source")));
        }
        app = calls.endpoint(endpoint).addPolicy(seen).retryOptions(never).buildClient();
        identity = users.endpoint(endpoint).addPolicy(seen).retryOptions(never).buildClient();
        numbers = owned.endpoint(endpoint).addPolicy(seen).retryOptions(never).buildClient();
    }

    /** Run an operation; its result as plain values. Arguments that this SDK cannot send are an error. */
    Object call(String operation, String on, Map<String, Object> given) {
        Arguments a = new Arguments(given);
        Object result = run(operation, on, a);
        if (!a.left.isEmpty()) {
            throw new AssertionError("this SDK cannot send " + a.left.keySet() + " with " + operation);
        }
        return Plain.of(result);
    }

    private Object run(String operation, String on, Arguments a) {
        CallConnection call = on == null || on.isEmpty() ? null : app.getCallConnection(on);
        return switch (operation) {
            case "createCall" -> create(a, false);
            case "createGroupCall" -> create(a, true);
            case "answerCall" -> app.answerCallWithResponse(
                new AnswerCallOptions(a.text("incomingCallContext"), a.text("callbackUri"))
                    .setOperationContext(a.text("operationContext")), Context.NONE)
                .getValue().getCallConnectionProperties();
            case "redirectCall" -> done(() -> app.redirectCall(a.text("incomingCallContext"), a.invite("target")));
            case "rejectCall" -> {
                RejectCallOptions options = new RejectCallOptions(a.text("incomingCallContext"));
                String reason = a.text("callRejectReason");
                yield done(() -> app.rejectCallWithResponse(reason == null
                    ? options : options.setCallRejectReason(CallRejectReason.fromString(reason)), Context.NONE));
            }
            case "getCall" -> call.getCallProperties();
            case "hangupCall" -> done(() -> call.hangUp(false));
            case "terminateCall" -> done(() -> call.hangUp(true));
            case "transferToParticipant" -> call.transferCallToParticipantWithResponse(
                new TransferCallToParticipantOptions(a.person("targetParticipant"))
                    .setOperationContext(a.text("operationContext")), Context.NONE).getValue();
            case "getParticipants" -> Map.of("value", call.listParticipants().stream().toList());
            case "getParticipant" -> call.getParticipant(a.person("participant"));
            case "addParticipant" -> {
                AddParticipantOptions options = new AddParticipantOptions(a.invite("participantToAdd"))
                    .setOperationContext(a.text("operationContext"));
                Number seconds = a.number("invitationTimeoutInSeconds");
                yield call.addParticipantWithResponse(seconds == null
                    ? options : options.setInvitationTimeout(Duration.ofSeconds(seconds.longValue())), Context.NONE)
                    .getValue();
            }
            case "removeParticipant" -> call.removeParticipantWithResponse(
                new RemoveParticipantOptions(a.person("participantToRemove"))
                    .setOperationContext(a.text("operationContext")), Context.NONE).getValue();
            case "play", "playToAll" -> play(call, a);
            case "recognize" -> done(() -> call.getCallMedia().startRecognizing(recognizing(a)));
            case "cancelAllMediaOperations" -> done(() -> call.getCallMedia().cancelAllMediaOperations());
            case "startRecording" -> app.getCallRecording().start(recording(a));
            case "getRecordingState" -> app.getCallRecording().getState(a.text("recordingId"));
            case "stopRecording" -> done(() -> app.getCallRecording().stop(a.text("recordingId")));
            case "pauseRecording" -> done(() -> app.getCallRecording().pause(a.text("recordingId")));
            case "resumeRecording" -> done(() -> app.getCallRecording().resume(a.text("recordingId")));
            case "createIdentity" -> Map.of("identity", identity.createUser());
            case "createIdentityAndToken" -> {
                Number minutes = a.number("expiresInMinutes");
                CommunicationUserIdentifierAndToken made = minutes == null ? identity.createUserAndToken(a.scopes())
                    : identity.createUserAndToken(a.scopes(), Duration.ofMinutes(minutes.longValue()));
                yield Map.of("identity", made.getUser(), "accessToken", token(made.getUserToken()));
            }
            case "issueAccessToken" -> {
                Number minutes = a.number("expiresInMinutes");
                CommunicationUserIdentifier user = (CommunicationUserIdentifier) a.person("user");
                yield token(minutes == null ? identity.getToken(user, a.scopes())
                    : identity.getToken(user, a.scopes(), Duration.ofMinutes(minutes.longValue())));
            }
            case "revokeAccessTokens" ->
                done(() -> identity.revokeTokens((CommunicationUserIdentifier) a.person("user")));
            case "deleteIdentity" -> done(() -> identity.deleteUser((CommunicationUserIdentifier) a.person("user")));
            case "exchangeTeamsUserAccessToken" -> token(identity.getTokenForTeamsUser(
                new GetTokenForTeamsUserOptions(a.text("token"), a.text("appId"), a.text("userId"))));
            case "listPhoneNumbers" -> Map.of("value", numbers.listPurchasedPhoneNumbers().stream().toList());
            case "getPhoneNumber" -> numbers.getPurchasedPhoneNumber(a.text("phoneNumber"));
            default -> throw new AssertionError("this SDK has no " + operation);
        };
    }

    private static Object done(Runnable action) {
        action.run();
        return Map.of();
    }

    private static Map<String, Object> token(AccessToken token) {
        return Map.of("token", token.getToken(), "expiresOn", token.getExpiresAt().toString());
    }

    private Object create(Arguments a, boolean group) {
        List<CommunicationIdentifier> targets = a.people("targets");
        String callback = a.text("callbackUri");
        PhoneNumberIdentifier caller = (PhoneNumberIdentifier) a.person("sourceCallerIdNumber");
        if (group || targets.size() != 1) {
            return app.createGroupCallWithResponse(new CreateGroupCallOptions(targets, callback)
                .setSourceCallIdNumber(caller).setSourceDisplayName(a.text("sourceDisplayName"))
                .setOperationContext(a.text("operationContext")), Context.NONE)
                .getValue().getCallConnectionProperties();
        }
        CallInvite invite = Arguments.invite(targets.get(0), caller, a.text("sourceDisplayName"));
        return app.createCallWithResponse(new CreateCallOptions(invite, callback)
            .setOperationContext(a.text("operationContext")), Context.NONE).getValue().getCallConnectionProperties();
    }

    private static Object play(CallConnection call, Arguments a) {
        List<PlaySource> sources = a.sources("playSources");
        List<CommunicationIdentifier> to = a.people("playTo");
        boolean loop = Boolean.TRUE.equals(a.take("loop"));
        String context = a.text("operationContext");
        if (to == null) {
            return done(() -> call.getCallMedia().playToAllWithResponse(
                new PlayToAllOptions(sources).setLoop(loop).setOperationContext(context), Context.NONE));
        }
        return done(() -> call.getCallMedia().playWithResponse(
            new PlayOptions(sources, to).setLoop(loop).setOperationContext(context), Context.NONE));
    }

    private static CallMediaRecognizeOptions recognizing(Arguments a) {
        if (!"dtmf".equals(a.text("recognizeInputType"))) {
            throw new AssertionError("this SDK recognizes keys only");
        }
        Number most = a.number("maxTonesToCollect");
        CallMediaRecognizeDtmfOptions options =
            new CallMediaRecognizeDtmfOptions(a.person("targetParticipant"), most.intValue());
        options.setOperationContext(a.text("operationContext"));
        options.setInterruptPrompt((Boolean) a.take("interruptPrompt"));
        options.setInterruptCallMediaOperation((Boolean) a.take("interruptCallMediaOperation"));
        List<PlaySource> prompts = a.sources("playPrompts");
        if (prompts != null) {
            options.setPlayPrompt(prompts.get(0));
        }
        Number silence = a.number("initialSilenceTimeoutInSeconds");
        if (silence != null) {
            options.setInitialSilenceTimeout(Duration.ofSeconds(silence.longValue()));
        }
        Number between = a.number("interToneTimeoutInSeconds");
        if (between != null) {
            options.setInterToneTimeout(Duration.ofSeconds(between.longValue()));
        }
        if (a.take("stopTones") instanceof List<?> tones) {
            options.setStopTones(tones.stream().map(one -> DtmfTone.fromString((String) one)).toList());
        }
        return options;
    }

    private static StartRecordingOptions recording(Arguments a) {
        Map<?, ?> locator = (Map<?, ?>) a.take("callLocator");
        StartRecordingOptions options = new StartRecordingOptions(locator.containsKey("serverCallId")
            ? new ServerCallLocator((String) locator.get("serverCallId"))
            : new GroupCallLocator((String) locator.get("groupCallId")));
        options.setRecordingStateCallbackUrl(a.text("recordingStateCallbackUri"));
        String content = a.text("recordingContentType");
        String channel = a.text("recordingChannelType");
        String format = a.text("recordingFormatType");
        if (content != null) {
            options.setRecordingContent(RecordingContent.fromString(content));
        }
        if (channel != null) {
            options.setRecordingChannel(RecordingChannel.fromString(channel));
        }
        if (format != null) {
            options.setRecordingFormat(RecordingFormat.fromString(format));
        }
        return options.setAudioChannelParticipantOrdering(a.people("audioChannelParticipantOrdering"));
    }

    /** Arguments, taken one by one, so that what no call took is noticed. */
    private static final class Arguments {
        final Map<String, Object> left;
        private final Map<String, Object> all;

        Arguments(Map<String, Object> given) {
            all = given;
            left = new HashMap<>(given);
        }

        Object take(String name) {
            left.remove(name);
            return all.get(name);
        }

        String text(String name) {
            return (String) take(name);
        }

        Number number(String name) {
            return (Number) take(name);
        }

        CommunicationIdentifier person(String name) {
            String raw = text(name);
            return raw == null ? null : CommunicationIdentifier.fromRawId(raw);
        }

        List<CommunicationIdentifier> people(String name) {
            if (!(take(name) instanceof List<?> list)) {
                return null;
            }
            List<CommunicationIdentifier> found = new ArrayList<>();
            list.forEach(one -> found.add(CommunicationIdentifier.fromRawId((String) one)));
            return found;
        }

        List<PlaySource> sources(String name) {
            if (!(take(name) instanceof List<?> list)) {
                return null;
            }
            List<PlaySource> found = new ArrayList<>();
            for (Object one : list) {
                Map<?, ?> source = (Map<?, ?>) one;
                found.add(new FileSource().setUrl((String) source.get("file"))
                    .setPlaySourceCacheId((String) source.get("playSourceCacheId")));
            }
            return found;
        }

        Iterable<CommunicationTokenScope> scopes() {
            List<CommunicationTokenScope> found = new ArrayList<>();
            ((List<?>) take("scopes")).forEach(one -> found.add(CommunicationTokenScope.fromString((String) one)));
            return found;
        }

        CallInvite invite(String name) {
            return invite(person(name), (PhoneNumberIdentifier) person("sourceCallerIdNumber"), text("sourceDisplayName"));
        }

        static CallInvite invite(CommunicationIdentifier target, PhoneNumberIdentifier caller, String name) {
            CallInvite invite = target instanceof PhoneNumberIdentifier number
                ? new CallInvite(number, caller)
                : new CallInvite((CommunicationUserIdentifier) target);
            return name == null ? invite : invite.setSourceDisplayName(name);
        }
    }
}
