package sudor.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * What Sudor's engine is compared with: Kafka Streams, which copies each record to the output the first
 * time that its key and id come by.
 *
 * <p>A record's id is the first four bytes of its value. Key and id together are the key of a store
 * whose changes go to a changelog in the same transaction as the copy and the positions of the input.
 * One thread, {@code exactly_once_v2}; the topics are made by who starts it.
 *
 * <p>It ends after as many records as it is told, and says in one line of JSON what it did.
 */
public final class Dedupe {
    private static final String STORE = "seen";
    private static final int ID_BYTES = 4;
    private static final byte[] SEEN = {1};
    /** The last commit is no more than its interval away. */
    private static final long LAST_COMMIT_MS = 300;

    private Dedupe() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 7) {
            System.err.println(
                    "Dedupe BROKERS APPLICATION INPUT OUTPUT memory|rocksdb FOLDER RECORDS");
            System.exit(2);
        }
        String kind = arguments[4];
        Progress progress = new Progress(Long.parseLong(arguments[6]));
        KafkaStreams streams =
                new KafkaStreams(
                        topology(arguments[2], arguments[3], store(kind), progress),
                        settings(arguments[0], arguments[1], arguments[5]));
        streams.setUncaughtExceptionHandler(
                failure -> {
                    failure.printStackTrace();
                    Runtime.getRuntime().halt(1);
                    return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
                });
        streams.start();
        progress.done.await();
        Thread.sleep(LAST_COMMIT_MS);
        String report = progress.report(kind);
        streams.close();
        System.out.println(report);
    }

    private static KeyValueBytesStoreSupplier store(String kind) {
        return switch (kind) {
            case "memory" -> Stores.inMemoryKeyValueStore(STORE);
            case "rocksdb" -> Stores.persistentKeyValueStore(STORE);
            default -> throw new IllegalArgumentException("no such store: " + kind);
        };
    }

    private static Topology topology(
            String input, String output, KeyValueBytesStoreSupplier store, Progress progress) {
        Topology topology = new Topology();
        topology.addSource(
                "input", new ByteArrayDeserializer(), new ByteArrayDeserializer(), input);
        topology.addProcessor("dedupe", () -> new FirstOnly(progress), "input");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(store, Serdes.ByteArray(), Serdes.ByteArray())
                        .withLoggingEnabled(Map.of()),
                "dedupe");
        topology.addSink(
                "output", output, new ByteArraySerializer(), new ByteArraySerializer(), "dedupe");
        return topology;
    }

    private static Properties settings(String brokers, String application, String folder) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(
                StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        // As Sudor's producer has it.
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        return settings;
    }

    /** Forwards a record whose key and id are new. */
    private static final class FirstOnly implements Processor<byte[], byte[], byte[], byte[]> {
        private final Progress progress;
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> seen;

        FirstOnly(Progress progress) {
            this.progress = progress;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.seen = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            byte[] name = Arrays.copyOf(record.key(), record.key().length + ID_BYTES);
            System.arraycopy(record.value(), 0, name, record.key().length, ID_BYTES);
            boolean isNew = seen.get(name) == null;
            if (isNew) {
                seen.put(name, SEEN);
                context.forward(record);
            }
            progress.count(isNew);
        }
    }

    /** Counts on the one thread of the stream; what it cost is read there, and after the end. */
    private static final class Progress {
        private final long expected;
        private final CountDownLatch done = new CountDownLatch(1);
        private long records;
        private long unique;
        private Moment first;
        private Moment half;
        private Moment last;

        Progress(long expected) {
            this.expected = expected;
        }

        void count(boolean isNew) {
            if (records == 0) {
                first = Moment.now();
            }
            records++;
            if (isNew) {
                unique++;
            }
            if (records == expected / 2) {
                half = Moment.now();
            }
            if (records == expected) {
                last = Moment.now();
                done.countDown();
            }
        }

        String report(String kind) throws IOException {
            Moment now = Moment.now();
            return String.format(
                    Locale.ROOT,
                    "{\"who\":\"streams-%s\",\"records\":%d,\"unique\":%d,\"wall_s\":%.3f,"
                            + "\"cpu_s\":%.3f,\"half_records\":%d,\"half_cpu_s\":%.3f,"
                            + "\"process_cpu_s\":%.3f,\"rss_mb\":%d}",
                    kind,
                    records,
                    unique,
                    (last.wallNs - first.wallNs) / 1e9,
                    (now.cpuNs - first.cpuNs) / 1e9,
                    records - expected / 2,
                    (now.cpuNs - half.cpuNs) / 1e9,
                    now.cpuNs / 1e9,
                    residentMb());
        }
    }

    private record Moment(long wallNs, long cpuNs) {
        private static final OperatingSystemMXBean SYSTEM =
                (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

        static Moment now() {
            return new Moment(System.nanoTime(), SYSTEM.getProcessCpuTime());
        }
    }

    /** The largest it ever was. */
    private static long residentMb() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024;
            }
        }
        return 0;
    }
}
