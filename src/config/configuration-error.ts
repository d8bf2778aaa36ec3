/** The one error for settings that cannot be used. Thrown by config/ and the command line, caught by programs that embed a broker. */

/** Lists every problem, not only the first, each with the place it comes from. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}
