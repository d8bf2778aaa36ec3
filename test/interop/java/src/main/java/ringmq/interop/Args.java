package ringmq.interop;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Command line options: `--name value` pairs after the sub-command. */
final class Args {
  private final Map<String, String> values = new HashMap<>();

  Args(String[] argv) {
    for (int at = 1; at + 1 < argv.length; at += 2) {
      if (!argv[at].startsWith("--")) throw new IllegalArgumentException("an option starts with --: " + argv[at]);
      values.put(argv[at].substring(2), argv[at + 1]);
    }
  }

  String text(String name) {
    String value = values.get(name);
    if (value == null) throw new IllegalArgumentException("--" + name + " is needed");
    return value;
  }

  String text(String name, String otherwise) {
    return values.getOrDefault(name, otherwise);
  }

  int number(String name, int otherwise) {
    String value = values.get(name);
    return value == null ? otherwise : Integer.parseInt(value);
  }

  boolean is(String name) {
    return "true".equals(values.get(name));
  }

  List<String> list(String name) {
    return List.of(text(name).split(","));
  }
}
