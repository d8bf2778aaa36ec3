/** Writes `host:port` in the form that clients take. Pure. */

export function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
