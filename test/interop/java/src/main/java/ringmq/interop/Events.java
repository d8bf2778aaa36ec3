package ringmq.interop;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What the programs tell the tests: one JSON object per line, printed by whichever thread saw it. */
final class Events {
  private Events() {}

  static Map<String, Object> event(String name) {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("event", name);
    return event;
  }

  static Map<String, Object> failure(String name, Throwable failure) {
    Map<String, Object> event = event(name);
    event.put("code", codeOf(failure));
    event.put("message", String.valueOf(failure.getMessage()));
    event.put("type", failure.getClass().getSimpleName());
    return event;
  }

  /** The broker's answer code, wherever the client put it; -1 where the failure has none. */
  static int codeOf(Throwable failure) {
    if (failure instanceof MQBrokerException broker) return broker.getResponseCode();
    if (failure instanceof MQClientException client) {
      if (client.getCause() instanceof MQBrokerException broker) return broker.getResponseCode();
      return client.getResponseCode();
    }
    return -1;
  }

  /** The part of a message that has to arrive as it was sent. */
  static void describe(Map<String, Object> event, Message message) {
    event.put("topic", message.getTopic());
    event.put("index", Integer.parseInt(message.getUserProperty("index")));
    event.put("tag", message.getTags());
    event.put("keys", message.getKeys());
    event.put("flag", message.getFlag());
    event.put("length", message.getBody().length);
    CRC32 crc = new CRC32();
    crc.update(message.getBody());
    event.put("crc", crc.getValue());
    Map<String, String> mine = new TreeMap<>();
    message.getProperties().forEach((name, value) -> {
      if (name.startsWith("user")) mine.put(name, value);
    });
    event.put("properties", mine);
  }

  static Map<String, Object> received(MessageExt message) {
    Map<String, Object> event = event("received");
    describe(event, message);
    event.put("queueId", message.getQueueId());
    event.put("offset", message.getQueueOffset());
    event.put("msgId", message.getMsgId());
    event.put("reconsumeTimes", message.getReconsumeTimes());
    event.put("storeSize", message.getStoreSize());
    event.put("bornHost", message.getBornHostString());
    event.put("storeHost", String.valueOf(message.getStoreHost()).replaceFirst("^.*/", ""));
    event.put("storeTimestamp", message.getStoreTimestamp());
    return event;
  }

  static String nameOf(MessageQueue queue) {
    return queue.getTopic() + "@" + queue.getBrokerName() + "@" + queue.getQueueId();
  }

  static void print(Map<String, Object> event) {
    StringBuilder line = new StringBuilder();
    write(line, event);
    synchronized (System.out) {
      System.out.println(line);
      System.out.flush();
    }
  }

  private static void write(StringBuilder out, Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Map<?, ?> map) {
      String separator = "{";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(separator);
        write(out, String.valueOf(entry.getKey()));
        out.append(':');
        write(out, entry.getValue());
        separator = ",";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof Collection<?> list) {
      String separator = "[";
      for (Object item : list) {
        out.append(separator);
        write(out, item);
        separator = ",";
      }
      out.append(list.isEmpty() ? "[]" : "]");
    } else {
      writeText(out, value.toString());
    }
  }

  private static void writeText(StringBuilder out, String text) {
    out.append('"');
    for (int at = 0; at < text.length(); at++) {
      char unit = text.charAt(at);
      // Everything that is not plain ASCII is escaped, so that the console's character set does not matter.
      if (unit == '"' || unit == '\\') out.append('\\').append(unit);
      else if (unit < 0x20 || unit > 0x7e) out.append(String.format("\\u%04x", (int) unit));
      else out.append(unit);
    }
    out.append('"');
  }
}
