package conformance;

import com.azure.communication.callautomation.CallAutomationEventParser;
import com.azure.communication.callautomation.models.events.CallAutomationEventBase;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An event that came: its name, and its data with identifiers as raw ids. */
record Event(String name, Map<String, Object> data) {
    /** The event of a post, read by the SDK's parser, checked against the rules every event keeps. */
    static Event of(String body) throws IOException {
        List<?> listed = World.JSON.readValue(body, List.class);
        World.must(listed.size() == 1, "a callback's body has " + listed.size() + " events");
        Map<String, Object> raw = World.object(listed.get(0));
        List<CallAutomationEventBase> parsed = CallAutomationEventParser.parseEvents(body);
        World.must(parsed.size() == 1, "the SDK knows nothing of " + raw.get("type"));
        String name = parsed.get(0).getClass().getSimpleName();
        World.must(raw.get("type").equals(World.PREFIX + name), raw.get("type") + " was parsed as " + name);
        World.must(raw.get("subject").equals(raw.get("source")), "subject and source differ");
        World.must(Matching.GUID.matcher((String) raw.get("id")).matches(), "id is " + raw.get("id"));
        World.must(((String) raw.get("time")).endsWith("+00:00"), "time is " + raw.get("time"));
        Map<String, Object> inner = World.object(raw.get("data"));
        World.must(World.VERSION.equals(inner.get("version")), name + " has version " + inner.get("version"));
        World.must(raw.get("type").equals(inner.get("publicEventType")), "publicEventType");
        // The models of this SDK lack fields of the wire; those they have must say the same as the wire.
        Map<String, Object> data = World.object(simple(inner));
        Object typed = Plain.of(parsed.get(0));
        List<String> wrong = Matching.differences(typed, data, name);
        World.must(wrong.isEmpty(), "the SDK's event differs: " + wrong);
        Base64.getDecoder().decode(((String) data.get("serverCallId")).getBytes(StandardCharsets.UTF_8));
        World.must(Matching.GUID.matcher((String) data.get("correlationId")).matches(), "correlationId");
        World.must(name.equals("RecordingStateChanged")
            || raw.get("source").equals("calling/callConnections/" + data.get("callConnectionId")),
            "source is " + raw.get("source"));
        return new Event(name, data);
    }

    /** Identifiers as their raw ids; each must carry its kind and the object of that kind. */
    static Object simple(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Event::simple).toList();
        }
        if (!(value instanceof Map<?, ?> map)) {
            return value;
        }
        if (map.containsKey("rawId")) {
            Object kind = map.get("kind");
            World.must("unknown".equals(kind) || map.containsKey(kind), "identifier " + map + " lacks its kind's object");
            return map.get("rawId");
        }
        Map<String, Object> shown = new LinkedHashMap<>();
        map.forEach((key, one) -> shown.put((String) key, simple(one)));
        return shown;
    }
}
