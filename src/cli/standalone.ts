/** The sub-command `ringmq standalone`: a NameServer and a broker in one process. Loaded when the sub-command is called. */
import { resolveStandalone, STANDALONE_NAMES } from '../config/standalone.ts';
import { launchStandalone } from '../embed/start-standalone.ts';
import { type Server, serve } from './serve.ts';
import { gather, type ServerOptions } from './server-options.ts';

export interface StandaloneFlags extends ServerOptions {
  readonly store?: string;
  readonly namesrvPort?: string;
  readonly brokerPort?: string;
  readonly host?: string;
  readonly flush?: string;
  readonly placement?: string;
}

export const DEFAULT_STORE = './ringmq-store';

export async function runStandalone(options: StandaloneFlags): Promise<number> {
  const flags = {
    storePathRootDir: ['--store', options.store],
    namesrvPort: ['--namesrv-port', options.namesrvPort],
    listenPort: ['--broker-port', options.brokerPort],
    bindAddress: ['--host', options.host],
    flushDiskType: ['--flush', options.flush],
    placement: ['--placement', options.placement],
  } as const;
  const store = { name: 'storePathRootDir', value: DEFAULT_STORE, origin: 'default' };
  const resolved = resolveStandalone([store, ...gather(options, flags, STANDALONE_NAMES)]);
  return serve(options, async (log): Promise<Server> => {
    // This process has nothing else to do, so its own event loop serves the routes.
    const { nameServer, broker, ...both } = await launchStandalone(resolved, log, 'caller');
    return {
      addresses: { namesrv: nameServer.address, broker: broker.address },
      close: both.close,
      ended: both.ended,
    };
  });
}
