import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Random messages, as bytes made by Kafka's own classes: what our codecs are held to. One line each, with tabs between:
 * name, version, bytes in base64, Kafka's JSON of it. Lines of `Error` list Kafka's error codes and how its clients take them.
 * Arguments: the gzipped file to write, messages per name and version, then NAME:LATEST_VERSION of each message.
 */
public class Vectors {
    private static final String MESSAGES = "org.apache.kafka.common.message.";
    private static final Random RANDOM = new Random(20261121);

    public static void main(String[] arguments) throws Exception {
        int perVersion = Integer.parseInt(arguments[1]);
        try (var out = new PrintWriter(new OutputStreamWriter(
                new GZIPOutputStream(Files.newOutputStream(Path.of(arguments[0]))), StandardCharsets.UTF_8))) {
            for (int at = 2; at < arguments.length; at++) {
                String[] choice = arguments[at].split(":");
                messages(out, choice[0], Integer.parseInt(choice[1]), perVersion);
            }
            errors(out);
        }
    }

    private static void messages(PrintWriter out, String name, int latest, int perVersion) throws Exception {
        Class<?> type = dataClass(name);
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        int lowest = type.getField("LOWEST_SUPPORTED_VERSION").getShort(null);
        for (short version = (short) lowest; version <= latest; version++) {
            for (int made = 0; made < perVersion;) {
                Message message = (Message) type.getConstructor().newInstance();
                ByteBuffer bytes = filled(message, schemas[version], version);
                if (bytes == null) continue;
                String base64 = Base64.getEncoder().encodeToString(bytes.array());
                out.print(name + "\t" + version + "\t" + base64 + "\t" + json(message, version) + "\n");
                made++;
            }
        }
    }

    /** Data classes of requests and responses end in Data, embedded ones do not. */
    private static Class<?> dataClass(String name) throws ClassNotFoundException {
        try {
            return Class.forName(MESSAGES + name + "Data");
        } catch (ClassNotFoundException notAnApi) {
            return Class.forName(MESSAGES + name);
        }
    }

    /** Random bytes of the schema, read into the message and written by it; null where it does not take them. */
    private static ByteBuffer filled(Message message, Schema schema, short version) {
        Struct struct = struct(schema);
        ByteBuffer random = ByteBuffer.allocate(struct.sizeOf());
        struct.writeTo(random);
        random.flip();
        try {
            message.read(new ByteBufferAccessor(random), version);
            var cache = new ObjectSerializationCache();
            ByteBuffer written = ByteBuffer.allocate(message.size(cache, version));
            message.write(new ByteBufferAccessor(written), cache, version);
            return written;
        } catch (RuntimeException refused) {
            return null;
        }
    }

    private static String json(Message message, short version) throws Exception {
        Class<?> converter = Class.forName(message.getClass().getName() + "JsonConverter");
        return converter.getMethod("write", message.getClass(), short.class).invoke(null, message, version).toString();
    }

    private static Struct struct(Schema schema) {
        Struct struct = new Struct(schema);
        for (BoundField field : schema.fields()) {
            if (!(field.def.type instanceof TaggedFields tagged)) {
                struct.set(field, value(field.def.type));
                continue;
            }
            var values = new TreeMap<Integer, Object>();
            for (var entry : tagged.fields().entrySet()) {
                Object value = RANDOM.nextInt(3) == 0 ? null : value(entry.getValue().type);
                if (value != null) values.put(entry.getKey(), value);
            }
            struct.set(field, values);
        }
        return struct;
    }

    private static Object value(Type type) {
        boolean mayBeNull = type.isNullable() && (!(type instanceof Schema) || type.getClass().getSimpleName().contains("Nullable"));
        if (mayBeNull && RANDOM.nextInt(5) == 0) return null;
        if (type.isArray()) {
            Object[] elements = new Object[RANDOM.nextInt(4)];
            for (int at = 0; at < elements.length; at++) elements[at] = value(type.arrayElementType().get());
            return elements;
        }
        if (type instanceof Schema schema) return struct(schema);
        String name = type.toString().replace("COMPACT_", "").replace("NULLABLE_", "");
        return switch (name) {
            case "BOOLEAN" -> RANDOM.nextBoolean();
            case "INT8" -> (byte) RANDOM.nextInt();
            case "INT16" -> (short) (RANDOM.nextInt(4) == 0 ? RANDOM.nextInt() : RANDOM.nextInt(50) - 1);
            case "UINT16" -> RANDOM.nextInt(65536);
            case "INT32" -> RANDOM.nextInt(4) == 0 ? -1 : RANDOM.nextInt();
            case "UINT32" -> RANDOM.nextInt() & 0xffffffffL;
            case "INT64" -> int64();
            case "FLOAT64" -> RANDOM.nextDouble();
            case "UUID" -> RANDOM.nextInt(4) == 0 ? Uuid.ZERO_UUID : new Uuid(RANDOM.nextLong(), RANDOM.nextLong());
            case "STRING" -> RANDOM.nextInt(5) == 0 ? "" : "s\u00e9\ud83d\ude00" + "x".repeat(RANDOM.nextInt(200)) + RANDOM.nextInt();
            case "BYTES" -> ByteBuffer.wrap(bytes());
            case "RECORDS" -> MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
            default -> throw new IllegalStateException("a value of type " + type);
        };
    }

    /** What a Number holds exactly, and the two ends of the range. */
    private static long int64() {
        return switch (RANDOM.nextInt(8)) {
            case 0 -> -1;
            case 1 -> Long.MAX_VALUE;
            case 2 -> Long.MIN_VALUE;
            default -> RANDOM.nextLong() >> 11;
        };
    }

    /** Some beyond the size up to which our writer copies. */
    private static byte[] bytes() {
        byte[] bytes = new byte[RANDOM.nextInt(12) == 0 ? 9000 : RANDOM.nextInt(40)];
        if (bytes.length < 100) RANDOM.nextBytes(bytes);
        return bytes;
    }

    private static void errors(PrintWriter out) {
        for (Errors error : Errors.values()) {
            List<String> traits = new ArrayList<>();
            if (error.exception() instanceof RetriableException) traits.add("retriable");
            if (error.exception() instanceof InvalidMetadataException) traits.add("metadata");
            if (error.exception() instanceof AuthorizationException) traits.add("denied");
            out.print("Error\t" + error.code() + "\t" + error.name() + "\t" + String.join(",", traits) + "\n");
        }
    }
}
