package ringmq.interop;

import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * The plain pull consumer: reads every queue of `--topic` from its minimum to its end with the tag expression `--tags`, and prints
 * `received` per message and `pulled` per answer.
 */
final class Pull {
  private Pull() {}

  static void run(Args args) throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.start();
    try {
      for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(args.text("topic"))) {
        long end = consumer.maxOffset(queue);
        long offset = args.number("offset", (int) consumer.minOffset(queue));
        do {
          PullResult result = consumer.pull(queue, args.text("tags", "*"), offset, args.number("batch", 32));
          print(queue, offset, result);
          if (result.getPullStatus() == PullStatus.FOUND) {
            for (MessageExt message : result.getMsgFoundList()) Events.print(Events.received(message));
          }
          if (result.getNextBeginOffset() <= offset) break;
          offset = result.getNextBeginOffset();
        } while (offset < end);
        // One pull at the end and one far beyond it: the answers that move a lost consumer back.
        print(queue, end, consumer.pull(queue, "*", end, 32));
        print(queue, end + 1000, consumer.pull(queue, "*", end + 1000, 32));
      }
    } finally {
      consumer.shutdown();
    }
    Events.print(Events.event("done"));
  }

  private static void print(MessageQueue queue, long offset, PullResult result) {
    Map<String, Object> event = Events.event("pulled");
    event.put("queueId", queue.getQueueId());
    event.put("at", offset);
    event.put("status", result.getPullStatus().name());
    event.put("next", result.getNextBeginOffset());
    event.put("min", result.getMinOffset());
    event.put("max", result.getMaxOffset());
    event.put("found", result.getMsgFoundList() == null ? 0 : result.getMsgFoundList().size());
    Events.print(event);
  }
}
