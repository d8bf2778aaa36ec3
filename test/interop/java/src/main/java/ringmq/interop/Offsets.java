package ringmq.interop;

import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.common.message.MessageQueue;

/** Prints what the broker says about each queue of `--topic`: bounds, offsets by time, and the offset of `--group`. */
final class Offsets {
  private Offsets() {}

  static void run(Args args) throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.start();
    try {
      for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(args.text("topic"))) {
        Map<String, Object> event = Events.event("queue");
        event.put("queueId", queue.getQueueId());
        event.put("min", consumer.minOffset(queue));
        event.put("max", consumer.maxOffset(queue));
        event.put("earliest", consumer.earliestMsgStoreTime(queue));
        event.put("atStart", consumer.searchOffset(queue, 0));
        event.put("atEnd", consumer.searchOffset(queue, System.currentTimeMillis() + 3_600_000));
        event.put("consumed", consumer.fetchConsumeOffset(queue, true));
        Events.print(event);
      }
    } finally {
      consumer.shutdown();
    }
    Events.print(Events.event("done"));
  }
}
