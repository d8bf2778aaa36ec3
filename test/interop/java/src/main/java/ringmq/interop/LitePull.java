package ringmq.interop;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * A lite pull consumer of `--topic` with `--how assign` (all queues) or `--how subscribe`, from the committed offset or the
 * beginning. Reads until it has `--expect` messages and two more polls bring nothing, commits, prints `committed` per queue.
 */
final class LitePull {
  private LitePull() {}

  static void run(Args args) throws Exception {
    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.setAutoCommit(false);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    String topic = args.text("topic");
    boolean assign = args.text("how").equals("assign");
    if (!assign) consumer.subscribe(topic, args.text("tags", "*"));
    consumer.start();
    try {
      Collection<MessageQueue> queues = consumer.fetchMessageQueues(topic);
      if (assign) consumer.assign(queues);
      read(args, consumer);
      consumer.commitSync();
      for (MessageQueue queue : queues) {
        Map<String, Object> event = Events.event("committed");
        event.put("queueId", queue.getQueueId());
        event.put("offset", consumer.committed(queue));
        Events.print(event);
      }
    } finally {
      consumer.shutdown();
    }
    Events.print(Events.event("done"));
  }

  private static void read(Args args, DefaultLitePullConsumer consumer) {
    long deadline = System.nanoTime() + args.number("timeout", 30_000) * 1_000_000L;
    int expected = args.number("expect", 0);
    int seen = 0;
    int emptyPolls = 0;
    while (System.nanoTime() < deadline && (seen < expected || emptyPolls < 2)) {
      List<MessageExt> messages = consumer.poll(500);
      emptyPolls = messages.isEmpty() ? emptyPolls + 1 : 0;
      seen += messages.size();
      for (MessageExt message : messages) Events.print(Events.received(message));
    }
  }
}
