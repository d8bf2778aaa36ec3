/** An address and a port as RocketMQ writes them in one text: `127.0.0.1:10911`, `[::1]:10911`. */
export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
