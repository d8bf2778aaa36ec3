/** Finds how an agent is opened. Each thread loads the modules of its own agents only, which is half of the time that a start takes. */
import { type AgentName, threadOf } from './topology.ts';
import type { OpenAgent } from './worker-context.ts';

export async function loadOpener(agent: AgentName): Promise<OpenAgent> {
  const { row, net } = threadOf(agent);
  switch (row.name) {
    case 'control':
      return (await import('./control/open-control.ts')).openControl;
    case 'append':
      return (await import('./append/open-append.ts')).openAppend;
    case 'dispatch':
      return (await import('./dispatch/open-dispatch.ts')).openDispatch;
    case 'flush':
      return (await import('./flush/open-flush.ts')).openFlush;
    case 'net': {
      const { openNet } = await import('./net/open-net.ts');
      return (context, _start, listenPort) => openNet(context, net, listenPort);
    }
  }
}
