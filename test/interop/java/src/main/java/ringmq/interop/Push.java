package ringmq.interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
// MessageModel has another package in each client version; it is set by name below.

/**
 * A push consumer of `--topics`, concurrent or `--orderly true`, with the tag expression `--tags`. Prints `started`, `assigned` at
 * each change of its queues, `received` per message; ends with `stopped` when it reads a line (or the end) from stdin.
 */
final class Push {
  private static final long SHUTDOWN_MS = 30_000;

  private Push() {}

  static void run(Args args) throws Exception {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    // Without this a stop does not wait for the listeners: what they have just printed would not be committed.
    consumer.setAwaitTerminationMillisWhenShutdown(SHUTDOWN_MS);
    if (args.text("instance", null) != null) consumer.setInstanceName(args.text("instance"));
    if (args.is("broadcast")) setModel(consumer, "BROADCASTING");
    for (String topic : args.list("topics")) consumer.subscribe(topic, args.text("tags", "*"));
    Set<String> busy = ConcurrentHashMap.newKeySet();
    if (args.is("orderly")) {
      consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
        String queue = Events.nameOf(context.getMessageQueue());
        boolean alone = busy.add(queue);
        messages.forEach(message -> received(message, alone));
        if (alone) busy.remove(queue);
        return ConsumeOrderlyStatus.SUCCESS;
      });
    } else {
      consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
        messages.forEach(message -> received(message, true));
        return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
      });
    }
    consumer.start();
    Events.print(Events.event("started"));
    Thread watch = new Thread(() -> watchAssignment(consumer, args.list("topics")), "assignment");
    watch.setDaemon(true);
    watch.start();
    new BufferedReader(new InputStreamReader(System.in)).readLine();
    consumer.shutdown();
    Events.print(Events.event("stopped"));
  }

  /** `alone` is false when another thread was inside the orderly listener for the same queue: the order would mean nothing. */
  private static void received(MessageExt message, boolean alone) {
    Map<String, Object> event = Events.received(message);
    if (!alone) event.put("overlap", true);
    Events.print(event);
  }

  private static void watchAssignment(DefaultMQPushConsumer consumer, List<String> topics) {
    Set<String> before = Set.of();
    try {
      while (true) {
        Set<String> now = new TreeSet<>();
        for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
          if (topics.contains(queue.getTopic())) now.add(Events.nameOf(queue));
        }
        if (!now.equals(before)) {
          Map<String, Object> event = Events.event("assigned");
          event.put("queues", now);
          Events.print(event);
          before = now;
        }
        // The client has no listener for this in 4.9.8, so the table is looked at.
        Thread.sleep(50);
      }
    } catch (InterruptedException end) {
      Thread.currentThread().interrupt();
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static void setModel(DefaultMQPushConsumer consumer, String name) throws Exception {
    for (var method : DefaultMQPushConsumer.class.getMethods()) {
      if (!method.getName().equals("setMessageModel")) continue;
      method.invoke(consumer, Enum.valueOf((Class<Enum>) method.getParameterTypes()[0], name));
    }
  }
}
