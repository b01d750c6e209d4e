package conformance;

import com.azure.core.http.policy.HttpPipelinePolicy;
import com.fasterxml.jackson.core.type.TypeReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every scenario of the list with the Java SDKs. */
class ScenariosTest {
    private static final Map<String, String> ENV = System.getenv();

    @TestFactory
    Stream<DynamicTest> scenarios() throws IOException {
        List<Map<String, Object>> listed = World.JSON.readValue(
            Path.of(ENV.get("CONFORMANCE_SCENARIOS")).toFile(), new TypeReference<>() {});
        Map<String, Map<String, String>> given =
            World.JSON.readValue(ENV.get("CONFORMANCE_CLIENTS"), new TypeReference<>() {});
        Map<String, Sdk> clients = new HashMap<>();
        given.forEach((name, one) -> clients.put(name, new Sdk(ENV.get("CONFORMANCE_ENDPOINT"), one, seen())));
        return IntStream.range(0, listed.size()).mapToObj(serial -> DynamicTest.dynamicTest(
            (String) listed.get(serial).get("id"), () -> run(listed.get(serial), serial, clients)));
    }

    private static void run(Map<String, Object> scenario, int serial, Map<String, Sdk> clients) throws Exception {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("scenario", scenario.get("id"));
        String since = (String) scenario.getOrDefault("since", "");
        boolean leftOut = since.compareTo(World.VERSION) > 0
            || scenario.get("not") instanceof Map<?, ?> not && not.containsKey("java");
        if (leftOut) {
            result.put("status", "skipped");
            write("CONFORMANCE_RESULTS", result);
            Assumptions.abort("left out");
        }
        long began = System.currentTimeMillis();
        try {
            new World(scenario, serial, ENV, clients).run();
            result.put("status", "passed");
        } catch (Throwable error) {
            String reason = String.valueOf(error.getMessage());
            result.put("status", "failed");
            result.put("reason", reason.substring(0, Math.min(2000, reason.length())));
            throw error;
        } finally {
            result.put("seconds", (System.currentTimeMillis() - began) / 1000.0);
            write("CONFORMANCE_RESULTS", result);
        }
    }

    /** Keeps what goes over the wire, for the parity table. */
    private static HttpPipelinePolicy seen() {
        return (context, next) -> next.process().flatMap(first -> {
            var response = first.buffer();
            return response.getBodyAsString().defaultIfEmpty("").map(body -> {
                var request = response.getRequest();
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("method", request.getHttpMethod().toString());
                line.put("url", request.getUrl().toString());
                line.put("status", response.getStatusCode());
                line.put("request", request.getBodyAsBinaryData() == null ? null
                    : request.getBodyAsBinaryData().toString());
                line.put("response", body);
                write("CONFORMANCE_TRAFFIC", line);
                return response;
            });
        });
    }

    private static void write(String variable, Map<String, Object> line) {
        try {
            Files.writeString(Path.of(ENV.get(variable)), World.JSON.writeValueAsString(line) + "\n",
                StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            throw new AssertionError(error);
        }
    }
}
