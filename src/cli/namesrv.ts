/** The sub-command `ringmq namesrv`: a NameServer as a process of its own. Loaded when the sub-command is called. */
import { NAME_SERVER_NAMES, resolveNameServer } from '../config/resolve.ts';
import { launchNameServer } from '../embed/start-name-server.ts';
import { type Server, serve } from './serve.ts';
import { gather, type ServerOptions } from './server-options.ts';

export interface NameServerFlags extends ServerOptions {
  readonly port?: string;
  readonly host?: string;
  readonly kvFile?: string;
}

export async function runNameServer(options: NameServerFlags): Promise<number> {
  const flags = {
    listenPort: ['--port', options.port],
    bindAddress: ['--host', options.host],
    kvConfigPath: ['--kv-file', options.kvFile],
  } as const;
  const resolved = resolveNameServer(gather(options, flags, NAME_SERVER_NAMES));
  return serve(options, async (log): Promise<Server> => {
    const nameServer = await launchNameServer(resolved, log, 'caller');
    return {
      addresses: { namesrv: nameServer.address },
      close: () => nameServer.close(),
      ended: nameServer.ended,
    };
  });
}
