/** The sub-command `ringmq broker`: a broker that registers at NameServers elsewhere. Loaded when the sub-command is called. */
import { BROKER_NAMES, resolveBroker } from '../config/resolve.ts';
import { launchBroker } from '../embed/start-broker.ts';
import { reasonOf } from '../threads/node-events.ts';
import { type Server, serve } from './serve.ts';
import { gather, type ServerOptions } from './server-options.ts';

export interface BrokerFlags extends ServerOptions {
  readonly namesrv?: string;
  readonly store?: string;
  readonly port?: string;
  readonly host?: string;
  readonly flush?: string;
  readonly placement?: string;
}

export async function runBroker(options: BrokerFlags): Promise<number> {
  const flags = {
    namesrvAddr: ['--namesrv', options.namesrv],
    storePathRootDir: ['--store', options.store],
    listenPort: ['--port', options.port],
    bindAddress: ['--host', options.host],
    flushDiskType: ['--flush', options.flush],
    placement: ['--placement', options.placement],
  } as const;
  const resolved = resolveBroker(gather(options, flags, BROKER_NAMES));
  return serve(options, async (log): Promise<Server> => {
    if (resolved.settings.namesrvAddr === '') {
      log('warn', 'main', 'no NameServer (--namesrv) is named: clients will not find this broker');
    }
    const broker = await launchBroker(resolved, log);
    return {
      addresses: { broker: broker.address },
      close: () => broker.close(),
      ended: broker.ended.then((failure) => failure && reasonOf(failure)),
    };
  });
}
