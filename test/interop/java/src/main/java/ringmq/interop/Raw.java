package ringmq.interop;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * One request of code `--code` to `--address`, with the header fields `--fields a=b;c=d` and a body of `--size` bytes: for what the
 * clients themselves would refuse to send. Prints `answer` with code, remark and header fields.
 */
final class Raw {
  private Raw() {}

  static void run(Args args) throws Exception {
    NettyRemotingClient client = new NettyRemotingClient(new NettyClientConfig());
    client.start();
    try {
      RemotingCommand request = RemotingCommand.createRequestCommand(args.number("code", 0), null);
      HashMap<String, String> fields = new HashMap<>();
      for (String pair : args.text("fields", "").split(";")) {
        int at = pair.indexOf('=');
        if (at > 0) fields.put(pair.substring(0, at), pair.substring(at + 1));
      }
      request.setExtFields(fields);
      if (args.number("size", 0) > 0) request.setBody(new byte[args.number("size", 0)]);
      RemotingCommand answer = client.invokeSync(args.text("address"), request, 10_000);
      Map<String, Object> event = Events.event("answer");
      event.put("code", answer.getCode());
      event.put("remark", answer.getRemark());
      event.put("fields", answer.getExtFields() == null ? Map.of() : new TreeMap<>(answer.getExtFields()));
      Events.print(event);
    } finally {
      client.shutdown();
    }
  }
}
