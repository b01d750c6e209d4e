package conformance;

import com.azure.core.exception.HttpResponseException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One scenario against the server: people, steps, and what every event must look like. */
final class World {
    static final String VERSION = "2023-03-06";
    static final ObjectMapper JSON = new ObjectMapper();
    private static final long TIMEOUT = 15_000;
    static final String PREFIX = "Microsoft.Communication.";
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};

    private final Map<String, Object> scenario;
    private final int serial;
    private final Map<String, String> env;
    private final Map<String, Sdk> clients;
    private final String box;
    private final Map<String, Object> names = new HashMap<>();
    private final Map<String, String> phones = new LinkedHashMap<>();
    private final Map<String, String> connections = new LinkedHashMap<>();
    private final Map<String, List<Map<String, Object>>> read = new HashMap<>();
    private final Map<Integer, Event> parsed = new HashMap<>();
    private final Set<Integer> used = new HashSet<>();
    private final Set<Integer> offered = new HashSet<>();

    World(Map<String, Object> scenario, int serial, Map<String, String> env, Map<String, Sdk> clients)
        throws IOException {
        this.scenario = scenario;
        this.serial = serial;
        this.env = env;
        this.clients = clients;
        box = env.get("CONFORMANCE_FLAVOUR") + "-" + scenario.get("id");
        String catcher = env.get("CONFORMANCE_CATCHER");
        names.putAll(JSON.readValue(env.get("CONFORMANCE_NAMES"), OBJECT));
        names.put("files", catcher + "/files");
        names.put("callback", catcher + "/box/" + box + "/callbacks?key=a%20b");
    }

    /** Everything; throws AssertionError where the server is not as expected. */
    void run() throws Exception {
        try {
            int number = 0;
            for (Map.Entry<String, Object> one : object(scenario.get("people")).entrySet()) {
                person(one.getKey(), number++, new LinkedHashMap<>(object(one.getValue())));
            }
            int count = 0;
            for (Object one : (List<?>) scenario.get("steps")) {
                count++;
                Map<String, Object> step = object(one);
                String since = (String) step.getOrDefault("since", "");
                if (since.compareTo(VERSION) > 0 || object(step.get("not")).containsKey("java")) {
                    continue;
                }
                try {
                    step(step);
                } catch (AssertionError | RuntimeException error) {
                    String shown = JSON.writeValueAsString(step);
                    throw new AssertionError("step " + count + ", " + shown + ": " + error, error);
                }
            }
        } finally {
            tidy();
        }
    }

    private void person(String name, int number, Map<String, Object> script) throws Exception {
        String kind = (String) script.remove("kind");
        String run = env.get("CONFORMANCE_RUN");
        String identity;
        if (kind.equals("phone") || kind.equals("nobody")) {
            identity = String.format("+142555%s%03d%d", run, serial, number);
            names.put(name, "4:" + identity);
        } else {
            identity = String.format("8:acs:%s_%8s-%04d-4000-8000-%012d", names.get("resource"), run, serial, number)
                .replace(' ', '0');
            names.put(name, identity);
        }
        if (kind.equals("phone") || kind.equals("user")) {
            Object display = script.containsKey("displayName") ? script.remove("displayName") : name;
            phones.put(name, "c" + run + "-" + serial + "-" + name);
            control("PUT", phones.get(name), Map.of("identity", identity, "displayName", display, "script", script));
        }
    }

    private void step(Map<String, Object> step) throws Exception {
        if (step.containsKey("phone")) {
            phone(step);
        } else if (step.containsKey("do")) {
            operate(step);
        } else if (step.containsKey("event")) {
            event(step);
        } else if (step.containsKey("incoming")) {
            incoming(step);
        } else if (step.containsKey("break")) {
            send("POST", env.get("CONFORMANCE_CATCHER") + "/fault/" + step.get("break"), null, "");
        } else {
            history(step);
        }
    }

    private void history(Map<String, Object> step) throws Exception {
        List<String> found = new ArrayList<>();
        Object order = step.get("order");
        for (Event one : events(0)) {
            boolean mine = step.get("of") == null
                || connections.get(step.get("of")).equals(one.data().get("callConnectionId"));
            boolean meant = step.get("context") != null
                ? step.get("context").equals(one.data().get("operationContext"))
                : order == null ? one.name().equals(step.get("none")) : ((List<?>) order).contains(one.name());
            if (mine && meant) {
                found.add(one.name());
            }
        }
        must(found.equals(order == null ? List.of() : order), "they came as " + found);
    }

    // --- operations ---------------------------------------------------------------------------------------

    private void operate(Map<String, Object> step) throws Exception {
        long deadline = System.currentTimeMillis() + (Boolean.TRUE.equals(step.get("retry")) ? TIMEOUT : 0);
        while (true) {
            try {
                once(step);
                return;
            } catch (AssertionError | HttpResponseException error) {
                if (System.currentTimeMillis() >= deadline) {
                    throw error;
                }
            }
            Thread.sleep(50);
        }
    }

    private void once(Map<String, Object> step) {
        String operation = (String) step.get("do");
        Map<String, Object> given = object(Matching.fill(object(step.get("with")), names));
        boolean opens = List.of("createCall", "createGroupCall", "answerCall", "connect").contains(operation);
        if (opens) {
            given.putIfAbsent("callbackUri", names.get("callback"));
        }
        String on = (String) Matching.fill(step.get("on"), names);
        Object result;
        try {
            Sdk sdk = clients.get((String) step.getOrDefault("client", "main"));
            result = sdk.call(operation, connections.getOrDefault(on, on), given);
        } catch (HttpResponseException error) {
            if (!step.containsKey("refused")) {
                throw error;
            }
            must(Matching.fill(step.get("refused"), names), refusal(error), "refused, but ");
            return;
        }
        must(!step.containsKey("refused"), "it was not refused but answered " + result);
        if (opens) {
            String name = (String) step.getOrDefault("as", "unnamed" + connections.size());
            connections.put(name, (String) object(result).get("callConnectionId"));
        }
        must(Matching.fill(object(step.get("expect")), names), result, "answered, but ");
        if (step.containsKey("as")) {
            names.put((String) step.get("as"), result);
        }
    }

    private static Map<String, Object> refusal(HttpResponseException error) {
        Map<String, Object> found = new HashMap<>();
        found.put("status", error.getResponse().getStatusCode());
        String body = error.getResponse().getBodyAsString().block();
        try {
            Map<String, Object> inner = object(JSON.readValue(body, OBJECT).get("error"));
            found.put("code", inner.get("code"));
            found.put("says", inner.get("message"));
        } catch (IOException | RuntimeException unreadable) {
            found.put("says", error.getMessage());
        }
        return found;
    }

    // --- events -------------------------------------------------------------------------------------------

    private List<Map<String, Object>> posts(String name, long wait) throws Exception {
        List<Map<String, Object>> kept = read.computeIfAbsent(name, unused -> new ArrayList<>());
        String query = "?after=" + kept.size() + "&timeoutMs=" + wait;
        Map<String, Object> answer = send("GET", env.get("CONFORMANCE_CATCHER") + "/read/" + name + query, null, "");
        for (Object one : (List<?>) answer.get("posts")) {
            kept.add(object(one));
        }
        return kept;
    }

    private List<Event> events(long wait) throws Exception {
        List<Map<String, Object>> kept = posts(box, wait);
        List<Event> found = new ArrayList<>();
        for (int index = 0; index < kept.size(); index++) {
            if (!parsed.containsKey(index)) {
                must(((String) kept.get(index).get("authorization")).startsWith("Bearer "), "no token");
                parsed.put(index, Event.of((String) kept.get(index).get("body")));
            }
            found.add(parsed.get(index));
        }
        return found;
    }

    private void event(Map<String, Object> step) throws Exception {
        Object wanted = Matching.fill(object(step.get("expect")), names);
        long deadline = System.currentTimeMillis() + TIMEOUT;
        long wait = 0;
        while (true) {
            List<String> near = new ArrayList<>();
            List<Event> seen = events(wait);
            for (int index = 0; index < seen.size(); index++) {
                Event one = seen.get(index);
                boolean mine = step.get("of") == null
                    || connections.get(step.get("of")).equals(one.data().get("callConnectionId"));
                if (!one.name().equals(step.get("event")) || used.contains(index) || !mine) {
                    continue;
                }
                List<String> wrong = Matching.differences(wanted, one.data(), "");
                if (wrong.isEmpty()) {
                    used.add(index);
                    if (step.containsKey("as")) {
                        names.put((String) step.get("as"), one.data());
                    }
                    return;
                }
                near.addAll(wrong);
            }
            long left = deadline - System.currentTimeMillis();
            must(left > 0, "no such event; of that type: " + near + "; seen: " + seen);
            wait = Math.min(left, 5000);
        }
    }

    private void incoming(Map<String, Object> step) throws Exception {
        Object wanted = Matching.fill(step.get("incoming"), names);
        long deadline = System.currentTimeMillis() + TIMEOUT;
        long wait = 0;
        while (true) {
            List<Map<String, Object>> kept = posts("incoming", wait);
            for (int index = 0; index < kept.size(); index++) {
                Map<String, Object> event =
                    object(JSON.readValue((String) kept.get(index).get("body"), List.class).get(0));
                Map<String, Object> data = new LinkedHashMap<>(object(event.get("data")));
                data.replaceAll((key, one) -> Event.simple(one));
                if (event.get("eventType").equals(PREFIX + "IncomingCall") && !offered.contains(index)
                    && Matching.differences(wanted, data, "").isEmpty()) {
                    offered.add(index);
                    if (step.containsKey("as")) {
                        names.put((String) step.get("as"), data);
                    }
                    return;
                }
            }
            long left = deadline - System.currentTimeMillis();
            must(left > 0, "no IncomingCall like " + wanted);
            wait = Math.min(left, 5000);
        }
    }

    // --- phones -------------------------------------------------------------------------------------------

    private void phone(Map<String, Object> step) throws Exception {
        String name = phones.get((String) step.get("phone"));
        if (step.containsKey("do")) {
            control("POST", name + "/" + step.get("do"), Matching.fill(object(step.get("with")), names));
            return;
        }
        Object wanted = Matching.fill(object(step.get("expect")), names);
        long deadline = System.currentTimeMillis() + TIMEOUT;
        while (true) {
            Map<String, Object> call =
                control("GET", name + "/calls/last?state=" + step.get("state") + "&timeoutMs=" + TIMEOUT, null);
            List<String> wrong = Matching.differences(wanted, call, "");
            if (wrong.isEmpty()) {
                if (step.containsKey("as")) {
                    names.put((String) step.get("as"), call);
                }
                return;
            }
            must(System.currentTimeMillis() < deadline, "the phone's call: " + wrong + "; it is " + call);
            Thread.sleep(50);
        }
    }

    private Map<String, Object> control(String method, String path, Object body) throws Exception {
        String url = env.get("CONFORMANCE_CONTROL") + "/hookflash/phones/" + path;
        return send(method, url, body, "Bearer " + env.get("CONFORMANCE_KEY"));
    }

    private static Map<String, Object> send(String method, String url, Object body, String key) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(40))
            .version(HttpClient.Version.HTTP_1_1)
            .header("Content-Type", "application/json")
            .method(method, body == null ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)));
        if (!key.isEmpty()) {
            request.header("Authorization", key);
        }
        HttpResponse<String> answer = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
        must(answer.statusCode() < 300, method + " " + url + ": " + answer.statusCode() + " " + answer.body());
        return answer.body().isEmpty() ? Map.of() : JSON.readValue(answer.body(), OBJECT);
    }

    // --- the end ------------------------------------------------------------------------------------------

    /** End every call, check every event that came, take the phones away. */
    private void tidy() throws Exception {
        for (String connection : new LinkedHashSet<>(connections.values())) {
            try {
                clients.get("main").call("terminateCall", connection, Map.of());
            } catch (HttpResponseException ended) {
                continue; // it had ended
            }
        }
        for (String name : phones.values()) {
            control("DELETE", name, null);
        }
        events(0);
    }

    private static void must(Object wanted, Object found, String what) {
        List<String> wrong = Matching.differences(wanted, found, "");
        must(wrong.isEmpty(), what + wrong + " in " + found);
    }

    static void must(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        return value == null ? new LinkedHashMap<>() : (Map<String, Object>) value;
    }
}
