package ringmq.interop;

/**
 * Small programs around Apache RocketMQ's Java client, one per sub-command. Each prints one JSON object per line on stdout; the
 * TypeScript tests decide what is right. Compiled against client 4.9.8 and 5.3.3, so only what both have is used.
 */
public final class Main {
  private Main() {}

  public static void main(String[] argv) {
    String command = argv.length == 0 ? "" : argv[0];
    Args args = new Args(argv);
    int exit = 0;
    try {
      switch (command) {
        case "produce" -> Produce.run(args);
        case "push" -> Push.run(args);
        case "lite" -> LitePull.run(args);
        case "pull" -> Pull.run(args);
        case "offsets" -> Offsets.run(args);
        default -> throw new IllegalArgumentException("produce, push, lite, pull or offsets, not '" + command + "'");
      }
    } catch (Throwable failure) {
      failure.printStackTrace();
      Events.print(Events.failure("failed", failure));
      exit = 1;
    }
    // The clients leave threads behind that would keep the process alive.
    System.exit(exit);
  }
}
