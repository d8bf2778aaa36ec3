/** The last events of a run, for people. Lines are made only when somebody will read them: a run that fails is run again with a trace. */
export class Trace {
  readonly #isOn: boolean;
  readonly #lines: string[] = [];
  readonly #linesMax: number;

  constructor(isOn: boolean, linesMax = 80) {
    this.#isOn = isOn;
    this.#linesMax = linesMax;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  note(kind: string, text: string | (() => string)): void {
    if (!this.#isOn) return;
    this.#lines.push(`${kind.padEnd(8)} ${typeof text === 'string' ? text : text()}`);
    if (this.#lines.length > this.#linesMax) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}
