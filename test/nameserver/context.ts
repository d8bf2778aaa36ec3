/** A NameServer's handlers without a socket, with a clock that stands still. */
import type { HandlerContext } from '../../src/nameserver/handler-context.ts';
import { KvConfig, type TextFile } from '../../src/nameserver/kv-config.ts';
import { handleRequest } from '../../src/nameserver/requests.ts';
import { RouteTable } from '../../src/nameserver/route-table.ts';
import { NAME_SERVER_DEFAULTS, type NameServerSettings } from '../../src/nameserver/settings.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';

export class Handlers {
  readonly context: HandlerContext;
  readonly lines: string[] = [];
  nowMs = 1_000_000;

  constructor(settings: Partial<NameServerSettings> = {}, file: TextFile | null = null) {
    this.context = {
      routes: new RouteTable(),
      kv: new KvConfig(file),
      settings: { ...NAME_SERVER_DEFAULTS, ...settings },
      clock: { nowMs: () => this.nowMs, monotonicUs: () => this.nowMs * 1000 },
      startedMs: this.nowMs,
      log: (line) => this.lines.push(line),
    };
  }

  /** `from` is the address of the caller, `to` the one that it has dialled. */
  handle(request: RemotingCommand, connectionId = 1, from = '10.0.0.9', to = '10.0.0.1'): RemotingCommand {
    return handleRequest(this.context, request, { id: connectionId, remoteAddress: from, localAddress: to });
  }

  /** Sends a request with these header fields, as a client of `version`. */
  ask(
    code: number,
    fields: Readonly<Record<string, string>> = {},
    body: string | null = null,
    version = 479,
  ): RemotingCommand {
    const request = requestOf(code, 1, new Map(Object.entries(fields)), body === null ? null : Buffer.from(body));
    return this.handle({ ...request, version });
  }
}

export function textOf(answer: RemotingCommand): string {
  return Buffer.from(answer.body ?? []).toString();
}
