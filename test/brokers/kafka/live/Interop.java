import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;

/** Kafka's own clients, for tests of what Java and Sluice read of each other: `java -cp LIBS Interop.java VERB BOOTSTRAP …`. */
public class Interop {
  public static void main(String[] arguments) throws Exception {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", arguments[1]));
    switch (arguments[0]) {
      case "produce" -> produce(config, arguments[2], arguments[3], Integer.parseInt(arguments[4]));
      case "abort" -> abort(config, arguments[2]);
      case "consume" -> consume(config, arguments[2], Integer.parseInt(arguments[3]));
      case "describe" -> describe(config, arguments[2]);
      case "feature" -> feature(config, arguments[2], Short.parseShort(arguments[3]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  static void produce(Map<String, Object> config, String topic, String compression, int count) {
    config.put("compression.type", compression);
    config.put("linger.ms", 50);
    try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < count; i++) {
        var record = new ProducerRecord<String, String>(topic, 0, (long) 1000 + i, "key " + i, i % 10 == 0 ? null : "value ".repeat(i % 50) + i);
        record.headers().add("h", ("header " + i).getBytes(StandardCharsets.UTF_8)).add("n", null);
        producer.send(record);
      }
    }
  }

  /** Six transactions of one producer, every other one aborted. */
  static void abort(Map<String, Object> config, String topic) {
    config.put("transactional.id", topic);
    try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      producer.initTransactions();
      for (int i = 0; i < 6; i++) {
        producer.beginTransaction();
        for (int j = 0; j < 5; j++) producer.send(new ProducerRecord<>(topic, 0, "k", i + "." + j));
        producer.flush();
        if (i % 2 == 0) producer.commitTransaction(); else producer.abortTransaction();
      }
    }
  }

  /** Prints offset, time, key, value and headers of committed records, tab-separated. */
  static void consume(Map<String, Object> config, String topic, int count) {
    config.put("isolation.level", "read_committed");
    config.put("check.crcs", true);
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      var partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      var out = new StringBuilder();
      for (int seen = 0; seen < count;) {
        for (var record : consumer.poll(Duration.ofSeconds(20))) {
          seen++;
          var headers = new ArrayList<String>();
          for (Header header : record.headers())
            headers.add(header.key() + "=" + (header.value() == null ? "null" : new String(header.value(), StandardCharsets.UTF_8)));
          out.append(record.offset()).append('\t').append(record.timestamp()).append('\t').append(record.key())
              .append('\t').append(record.value()).append('\t').append(String.join(",", headers)).append('\n');
        }
      }
      System.out.print(out);
    }
  }

  static void describe(Map<String, Object> config, String group) throws Exception {
    try (var admin = Admin.create(config)) {
      boolean listed = admin.listGroups().all().get().stream().anyMatch(one -> one.groupId().equals(group));
      var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
      int partitions = described.members().stream().mapToInt(member -> member.assignment().topicPartitions().size()).sum();
      System.out.println(listed + " " + described.groupState() + " " + described.members().size() + " " + partitions);
    }
  }

  static void feature(Map<String, Object> config, String name, short level) throws Exception {
    try (var admin = Admin.create(config)) {
      var update = new FeatureUpdate(level, FeatureUpdate.UpgradeType.SAFE_DOWNGRADE);
      admin.updateFeatures(Map.of(name, update), new UpdateFeaturesOptions()).all().get();
      System.out.println(admin.describeFeatures().featureMetadata().get().finalizedFeatures().get(name));
    }
  }
}
