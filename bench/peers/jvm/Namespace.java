import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * Where an event belongs, for both peers in Java: the namespace in Eventrouter's envelope,
 * {@code {"verb", "event": {"metadata": {"namespace"}}}}.
 *
 * <p>Jackson's streaming parser makes an object of nothing but this one string. It is led through the whole value all
 * the same, so that what is passed on is known to be one JSON text with nothing behind it: the same work as ours.
 */
final class Namespace {
    /** Made once: a factory keeps the names of fields that it has met, and the buffers of its parsers. */
    private static final JsonFactory JSON = new JsonFactory();

    private static final String[] PATH = {"event", "metadata", "namespace"};

    private Namespace() {}

    /** Throws IllegalArgumentException if the value is not JSON, or has no string in that place. */
    static String of(byte[] value) {
        if (value == null) {
            throw new IllegalArgumentException("the value is null");
        }
        try (JsonParser json = JSON.createParser(value)) {
            json.nextToken();
            String namespace = at(json, 0);
            if (json.nextToken() != null) {
                throw new IllegalArgumentException("something follows the JSON text");
            }
            if (namespace == null) {
                throw new IllegalArgumentException("no string at " + String.join(".", PATH));
            }
            return namespace;
        } catch (IOException error) {
            throw new IllegalArgumentException("not JSON", error);
        }
    }

    /** What PATH leads to from the value that begins at this token, null if nothing; the parser is at its end then. */
    private static String at(JsonParser json, int depth) throws IOException {
        if (depth == PATH.length) {
            String found = json.currentToken() == JsonToken.VALUE_STRING ? json.getText() : null;
            json.skipChildren();
            return found;
        }
        if (json.currentToken() != JsonToken.START_OBJECT) {
            json.skipChildren();
            return null;
        }
        String found = null;
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            json.nextToken();
            if (name.equals(PATH[depth])) {
                found = at(json, depth + 1);
            } else {
                json.skipChildren();
            }
        }
        return found;
    }
}
