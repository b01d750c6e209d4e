package conformance;

import com.azure.communication.callautomation.models.events.RecordingStateChanged;
import com.azure.communication.common.CommunicationIdentifier;
import com.azure.core.util.ExpandableStringEnum;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An SDK's object as plain values: by its getters, with the wire's names, identifiers as raw ids. */
final class Plain {
    private static final Map<String, String> NAMES = Map.of(
        "targetParticipants", "targets", "callbackUrl", "callbackUri", "muted", "isMuted",
        "recognizeResult", "dtmfResult");

    private static final DateTimeFormatter WIRE_TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSxxx");

    private Plain() {}

    static Object of(Object value) {
        if (value == null || value instanceof String || value instanceof Number || value instanceof Boolean) {
            return value;
        }
        if (value instanceof Optional<?> optional) {
            return of(optional.orElse(null));
        }
        if (value instanceof CommunicationIdentifier identifier) {
            return identifier.getRawId();
        }
        if (value instanceof OffsetDateTime time) {
            return WIRE_TIME.format(time);
        }
        if (value instanceof ExpandableStringEnum || value instanceof Enum || value instanceof TemporalAccessor) {
            return value.toString();
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Plain::of).toList();
        }
        Map<String, Object> shown = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, one) -> put(shown, (String) key, one));
            return shown;
        }
        for (Method method : value.getClass().getMethods()) {
            String name = property(method);
            if (name == null) {
                continue;
            }
            try {
                // The event says "state" where the answers say "recordingState"; the SDK has one name for both.
                boolean state = value instanceof RecordingStateChanged && name.equals("recordingState");
                put(shown, state ? "state" : NAMES.getOrDefault(name, name), method.invoke(value));
            } catch (IllegalAccessException | InvocationTargetException error) {
                throw new AssertionError(method.toString(), error);
            }
        }
        return shown;
    }

    private static void put(Map<String, Object> shown, String name, Object value) {
        Object plain = of(value);
        if (plain != null) {
            shown.put(name, plain);
        }
    }

    private static String property(Method method) {
        String name = method.getName();
        if (method.getParameterCount() > 0 || method.getDeclaringClass() == Object.class
            || method.getDeclaringClass().getSimpleName().equals("ReasonCode")) {
            return null;
        }
        int prefix = name.startsWith("get") ? 3 : name.startsWith("is") ? 2 : 0;
        if (prefix == 0 || name.length() == prefix || name.equals("getClass") || name.equals("getReasonCode")) {
            return null;
        }
        return Character.toLowerCase(name.charAt(prefix)) + name.substring(prefix + 1);
    }
}
