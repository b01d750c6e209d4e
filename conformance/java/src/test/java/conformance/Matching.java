package conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What scenarios expect: substitution of ${names}, and patterns against plain values. */
final class Matching {
    static final Pattern GUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    private static final Pattern NAME = Pattern.compile("\\$\\{([^}]+)\\}");

    private Matching() {}

    /**
     * The value with every ${name} replaced; alone in a string it keeps its type. A key {@code name@version} is
     * name for an SDK of that version or newer, and nothing for an older one.
     */
    static Object fill(Object value, Map<String, Object> names) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> filled = new LinkedHashMap<>();
            map.forEach((key, one) -> {
                String[] parts = ((String) key).split("@");
                if (parts.length == 1 || parts[1].compareTo(World.VERSION) <= 0) {
                    filled.put(parts[0], fill(one, names));
                }
            });
            return filled;
        }
        if (value instanceof List<?> list) {
            List<Object> filled = new ArrayList<>();
            list.forEach(one -> filled.add(fill(one, names)));
            return filled;
        }
        if (!(value instanceof String text)) {
            return value;
        }
        Matcher alone = NAME.matcher(text);
        if (alone.matches()) {
            return lookUp(alone.group(1), names);
        }
        return NAME.matcher(text).replaceAll(
            found -> Matcher.quoteReplacement(String.valueOf(lookUp(found.group(1), names))));
    }

    private static Object lookUp(String path, Map<String, Object> names) {
        String[] parts = path.split("\\.");
        if (!names.containsKey(parts[0])) {
            throw new AssertionError("the scenario uses ${" + path + "}, which is not set");
        }
        Object value = names.get(parts[0]);
        for (int index = 1; index < parts.length; index++) {
            value = value instanceof List<?> list
                ? list.get(Integer.parseInt(parts[index]))
                : ((Map<?, ?>) value).get(parts[index]);
        }
        return value;
    }

    /** Where found is not as wanted; empty when it is. */
    static List<String> differences(Object wanted, Object found, String where) {
        String shown = (where.isEmpty() ? "it" : where) + " is " + found;
        if (wanted instanceof String text && text.startsWith("~")) {
            return pattern(text.substring(1), found) ? List.of() : List.of(shown + ", not " + text);
        }
        if (wanted instanceof List<?> list) {
            if (!(found instanceof List<?> other) || other.size() != list.size()) {
                return List.of(shown + ", not " + list);
            }
            List<String> wrong = new ArrayList<>();
            for (int index = 0; index < list.size(); index++) {
                wrong.addAll(differences(list.get(index), other.get(index), where + "[" + index + "]"));
            }
            return wrong;
        }
        if (wanted instanceof Map<?, ?> map) {
            if (map.containsKey("~has")) {
                boolean has = found instanceof List<?> list
                    && list.stream().anyMatch(one -> differences(map.get("~has"), one, "").isEmpty());
                return has ? List.of() : List.of(shown + ", without one like " + map.get("~has"));
            }
            if (!(found instanceof Map<?, ?> other)) {
                return List.of(shown + ", not an object");
            }
            List<String> wrong = new ArrayList<>();
            map.forEach((key, one) -> wrong.addAll(differences(one, other.get(key), where + "." + key)));
            return wrong;
        }
        if (wanted instanceof Number one && found instanceof Number other) {
            return one.longValue() == other.longValue() ? List.of() : List.of(shown + ", not " + wanted);
        }
        return Objects.equals(wanted, found) ? List.of() : List.of(shown + ", not " + wanted);
    }

    private static boolean pattern(String wanted, Object found) {
        String[] parts = wanted.split(":", 2);
        String rest = parts.length > 1 ? parts[1] : "";
        if (parts[0].equals("absent")) {
            return found == null;
        }
        if (found == null) {
            return false;
        }
        return switch (parts[0]) {
            case "any" -> true;
            case "guid" -> found instanceof String text && GUID.matcher(text).matches();
            case "int" -> found instanceof Integer || found instanceof Long;
            case "count" -> found instanceof List<?> list && list.size() == Integer.parseInt(rest);
            case "contains" -> found instanceof String text && text.toLowerCase().contains(rest.toLowerCase());
            case "matches" -> found instanceof String text && Pattern.compile(rest).matcher(text).find();
            case "not" -> !found.toString().equals(rest);
            default -> throw new AssertionError("the scenario uses an unknown pattern ~" + wanted);
        };
    }
}
