import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What a Java engineer writes by hand for the same job, on Kafka's own clients.
 *
 * <p>One process, one consumer, one producer, one loop: poll, find the namespace, send to the topic of that name with
 * key, timestamp and headers kept, wait for every acknowledgement, commit. At least once, as ours. What else ours does
 * (dead letters, topics created, restarts, limits) is missing on purpose.
 */
public final class KafkaClients {
    private static final Duration POLL = Duration.ofMillis(100);

    private static volatile boolean stopping;

    /** What the process ends with: 0 when a signal made it leave the loop, with all that it had read committed. */
    private static volatile int status = 1;

    private KafkaClients() {}

    public static void main(String[] arguments) {
        Thread main = Thread.currentThread();
        // SIGTERM, SIGINT and the end of `main` all come to this hook. It halts, because a JVM that a signal ends has
        // an exit code of its own, 143. No `wakeup`: it could break off the commit of what was just delivered.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            try {
                main.join();
            } catch (InterruptedException error) {
                status = 1;
            }
            Runtime.getRuntime().halt(status);
        }));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(arguments[0], arguments[2]);
                KafkaProducer<byte[], byte[]> producer = producer(arguments[0])) {
            consumer.subscribe(List.of(arguments[1]));
            route(consumer, producer);
        }
        status = 0;
    }

    /** Delivers until a signal comes. Throws when an event cannot be delivered; its round is not committed. */
    private static void route(KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> producer) {
        AtomicReference<Exception> failure = new AtomicReference<>();
        Callback acknowledged = (metadata, error) -> {
            if (error != null) {
                failure.compareAndSet(null, error);
            }
        };
        while (!stopping) {
            ConsumerRecords<byte[], byte[]> round = consumer.poll(POLL);
            if (round.isEmpty()) {
                continue;
            }
            for (ConsumerRecord<byte[], byte[]> in : round) {
                producer.send(routed(in), acknowledged);
            }
            producer.flush(); // returns when each is acknowledged or has failed
            if (failure.get() != null) {
                throw new KafkaException("not delivered", failure.get());
            }
            consumer.commitSync();
        }
    }

    private static ProducerRecord<byte[], byte[]> routed(ConsumerRecord<byte[], byte[]> in) {
        try {
            return new ProducerRecord<>(
                    Namespace.of(in.value()), null, in.timestamp(), in.key(), in.value(), in.headers());
        } catch (IllegalArgumentException error) {
            throw new KafkaException("partition " + in.partition() + ", offset " + in.offset(), error);
        }
    }

    /** Everything that is set here for speed stands in `TUNED` of bench/peers/kafka_clients, with the reason. */
    private static KafkaConsumer<byte[], byte[]> consumer(String bootstrap, String group) {
        Map<String, Object> settings = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
                ConsumerConfig.GROUP_ID_CONFIG, group,
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false,
                ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 10_000,
                ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 << 20,
                ConsumerConfig.CHECK_CRCS_CONFIG, false);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static KafkaProducer<byte[], byte[]> producer(String bootstrap) {
        Map<String, Object> settings = Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
                ProducerConfig.ACKS_CONFIG, "all",
                ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true,
                ProducerConfig.COMPRESSION_TYPE_CONFIG, "none",
                ProducerConfig.LINGER_MS_CONFIG, 100,
                ProducerConfig.BATCH_SIZE_CONFIG, 64 << 10,
                ProducerConfig.BUFFER_MEMORY_CONFIG, 128L << 20);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
