/**
 * What has to happen when the process that ran the harness ends: children die, folders go. Vitest ends its workers by a signal, so the
 * suite also calls `cleanUp` after each file (set-up.ts); a program such as native-free-bench/peers needs nothing more than to end.
 */
const actions: (() => void)[] = [];

export function atEnd(action: () => void): void {
  actions.push(action);
}

export function cleanUp(): void {
  for (const action of actions) action();
}

process.on('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    cleanUp();
    process.kill(process.pid, signal);
  });
}
