/**
 * What has to happen when a test's process ends: children die, folders go. Vitest ends its workers by a signal, so `cleanUp` is also called
 * after each file (set-up.ts); a program such as native-free-bench/peers needs nothing more than to end.
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
