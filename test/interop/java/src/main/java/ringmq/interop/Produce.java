package ringmq.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/**
 * Sends `--count` messages in each of `--modes` (sync, async, oneway, batch, selector) to the topic `--topic` + "-" + mode, or to
 * `--topic` itself with `--plain-topic true`. Prints a `sent` event per message (batch: with the offset of its item), `refused` when
 * the send failed.
 */
final class Produce {
  private static final int BATCH = 10;
  /** Messages of one order go to one queue, in the order of their index. */
  private static final int ORDERS = 5;

  private final Args args;
  private final DefaultMQProducer producer;

  private Produce(Args args, DefaultMQProducer producer) {
    this.args = args;
    this.producer = producer;
  }

  static void run(Args args) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(args.text("group", "interop-producer"));
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.setInstanceName("produce-" + ProcessHandle.current().pid());
    producer.setSendMsgTimeout(args.number("timeout", 10_000));
    // The broker's own limit is what the tests are after, not the client's.
    producer.setMaxMessageSize(16 * 1024 * 1024);
    producer.setCompressMsgBodyOverHowmuch(args.number("compress-over", 4096));
    producer.setRetryTimesWhenSendFailed(args.number("retries", 2));
    producer.start();
    try {
      Produce program = new Produce(args, producer);
      for (String mode : args.list("modes")) {
        program.send(mode, args.is("plain-topic") ? args.text("topic") : args.text("topic") + "-" + mode);
      }
      // A one-way send has no answer; closing the connection at once could lose it inside the client.
      if (args.list("modes").contains("oneway")) program.afterOneWay();
    } finally {
      producer.shutdown();
    }
    Events.print(Events.event("done"));
  }

  private void send(String mode, String topic) throws Exception {
    int from = args.number("from", 0);
    int to = from + args.number("count", 1);
    switch (mode) {
      case "sync" -> {
        for (int index = from; index < to; index++) sync(message(topic, index));
      }
      case "selector" -> {
        for (int index = from; index < to; index++) selector(message(topic, index), index % ORDERS);
      }
      case "oneway" -> {
        for (int index = from; index < to; index++) {
          Message message = message(topic, index);
          producer.sendOneway(message);
          Map<String, Object> event = Events.event("sent");
          Events.describe(event, message);
          Events.print(event);
        }
      }
      case "async" -> async(topic, from, to);
      case "batch" -> batches(topic, from, to);
      default -> throw new IllegalArgumentException("unknown mode " + mode);
    }
  }

  private void sync(Message message) {
    try {
      // The description is taken before the send: the client compresses the body in place while it sends.
      Map<String, Object> event = before(message);
      report(event, producer.send(message));
    } catch (Exception failure) {
      refused(failure, message);
    }
  }

  private void selector(Message message, int order) {
    try {
      Map<String, Object> event = before(message);
      event.put("order", order);
      report(event, producer.send(message, (queues, sent, chosen) -> queues.get((Integer) chosen % queues.size()), order));
    } catch (Exception failure) {
      refused(failure, message);
    }
  }

  private void async(String topic, int from, int to) throws Exception {
    CountDownLatch open = new CountDownLatch(to - from);
    for (int index = from; index < to; index++) {
      Message message = message(topic, index);
      Map<String, Object> event = before(message);
      producer.send(message, new SendCallback() {
        @Override
        public void onSuccess(SendResult result) {
          report(event, result);
          open.countDown();
        }

        @Override
        public void onException(Throwable failure) {
          refused(failure, message);
          open.countDown();
        }
      });
    }
    if (!open.await(60, TimeUnit.SECONDS)) throw new IllegalStateException(open.getCount() + " async sends have no answer");
  }

  private void batches(String topic, int from, int to) {
    for (int start = from; start < to; start += BATCH) {
      List<Message> batch = new ArrayList<>();
      List<Map<String, Object>> events = new ArrayList<>();
      for (int index = start; index < Math.min(start + BATCH, to); index++) {
        Message message = message(topic, index);
        batch.add(message);
        events.add(before(message));
      }
      try {
        SendResult result = producer.send(batch);
        for (int item = 0; item < batch.size(); item++) {
          Map<String, Object> event = events.get(item);
          event.put("status", result.getSendStatus().name());
          event.put("queueId", result.getMessageQueue().getQueueId());
          event.put("offset", result.getQueueOffset() + item);
          event.put("offsetMsgId", result.getOffsetMsgId().split(",")[item]);
          event.put("batchIds", result.getOffsetMsgId().split(",").length);
          Events.print(event);
        }
      } catch (Exception failure) {
        refused(failure, batch.get(0));
      }
    }
  }

  /** A request with an answer on the same connection: when it is answered, the broker has read what was written before it. */
  private void afterOneWay() throws Exception {
    String topic = args.is("plain-topic") ? args.text("topic") : args.text("topic") + "-oneway";
    for (var queue : producer.fetchPublishMessageQueues(topic)) producer.maxOffset(queue);
  }

  private static Map<String, Object> before(Message message) {
    Map<String, Object> event = Events.event("sent");
    Events.describe(event, message);
    return event;
  }

  private static void report(Map<String, Object> event, SendResult result) {
    event.put("status", result.getSendStatus().name());
    event.put("queueId", result.getMessageQueue().getQueueId());
    event.put("broker", result.getMessageQueue().getBrokerName());
    event.put("offset", result.getQueueOffset());
    event.put("msgId", result.getMsgId());
    event.put("offsetMsgId", result.getOffsetMsgId());
    Events.print(event);
  }

  private static void refused(Throwable failure, Message message) {
    Map<String, Object> event = Events.failure("refused", failure);
    event.put("topic", message.getTopic());
    Events.print(event);
  }

  private Message message(String topic, int index) {
    String[] tags = args.text("tags", "A,B,C").split(",");
    Message message = new Message(topic, tags[index % tags.length], "key-" + index + " second-" + index, body(index));
    message.setFlag(index);
    message.putUserProperty("index", String.valueOf(index));
    // Written with escapes so that the compiler's and the platform's character sets do not matter.
    message.putUserProperty("userText", "gr\u00fc\u00dfe \u4f60\u597d \ud83c\udf89 " + index);
    message.putUserProperty("user-\u00e9t\u00e9", "= \"{}\" | & % \t\\");
    return message;
  }

  /** Words that zlib can compress, different for each index. */
  private byte[] body(int index) {
    byte[] body = new byte[Math.max(1, args.number("size", 100))];
    int state = index * 31 + 7;
    for (int at = 0; at < body.length; at++) {
      if (at % 16 == 0) state = state * 1103515245 + 12345;
      body[at] = (byte) ('a' + ((state >>> 16) + at % 4 & 15));
    }
    return body;
  }
}
