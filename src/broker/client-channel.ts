/** A client of a group as it was last heard of. The connection is the member's identity, the client id only its name (spec/api.md 6.1). */

/** The client that asks. */
export interface Requester {
  readonly connectionId: number;
  /** `ip:port` of the peer. */
  readonly remote: string;
  /** `ip:port` that the peer dialled. */
  readonly local: string;
}

export interface ClientChannel {
  readonly connectionId: number;
  /** `ip:port` of the peer. */
  readonly remote: string;
  readonly clientId: string;
  readonly language: string;
  readonly version: number;
  /** Wall time of the last heartbeat, as tools show it. */
  readonly lastUpdateMs: number;
  /** The same moment in monotonic ms, for the expiry. */
  readonly heardAtMs: number;
}

/** The members of one group by connection. Shared by the producer and the consumer registry. */
export type Channels = Map<number, ClientChannel>;

/** Removes the members that were last heard of before `deadlineMs` (monotonic) and returns them. */
export function removeIdle(channels: Channels, deadlineMs: number): ClientChannel[] {
  const idle = [...channels.values()].filter((channel) => channel.heardAtMs < deadlineMs);
  for (const { connectionId } of idle) channels.delete(connectionId);
  return idle;
}
