import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * The same job on Kafka Streams, which has dynamic routing built in: a source, and a sink whose topic is found for each
 * record by a TopicNameExtractor. Streams passes on key, value, headers and timestamp of the record by itself.
 *
 * <p>One stream thread for each source partition. Each commits on its own every second, after its producer has flushed:
 * at least once, as ours. What else ours does (dead letters, topics created, restarts, limits) is missing on purpose.
 */
public final class KafkaStreamsPeer {
    private static final int PARTITIONS = 2;

    /** Set by the first stream thread that fails; nothing is committed beyond the record that it failed at. */
    private static volatile boolean failed;

    private KafkaStreamsPeer() {}

    public static void main(String[] arguments) throws InterruptedException {
        KafkaStreams streams = new KafkaStreams(topology(arguments[1]), settings(arguments[0], arguments[2]));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            failed = true;
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now.hasCompletedShutdown()) {
                ended.countDown();
            }
        });
        // SIGTERM, SIGINT and the end of `main` all come to this hook. It halts, because a JVM that a signal ends has
        // an exit code of its own, 143.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(); // waits for what is under way and commits it
            Runtime.getRuntime().halt(failed ? 1 : 0);
        }));
        streams.start();
        ended.await();
    }

    private static Topology topology(String source) {
        Serde<byte[]> bytes = Serdes.ByteArray();
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(source, Consumed.with(bytes, bytes))
                .to((key, value, context) -> Namespace.of(value), Produced.with(bytes, bytes));
        return builder.build();
    }

    /** Everything that is set here for speed stands in `TUNED` of bench/peers/kafka_streams, with the reason. */
    private static Properties settings(String bootstrap, String group) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group); // Streams takes it for its group
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, PARTITIONS);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 8 << 20);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.CHECK_CRCS_CONFIG), false);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG), true);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "none");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 64 << 10);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
        return settings;
    }
}
