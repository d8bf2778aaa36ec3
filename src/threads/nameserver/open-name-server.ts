/**
 * A NameServer out of its settings, with the file of its key-value settings. Called on the thread that will serve: the caller's own, or a
 * worker (nameserver-worker.ts).
 */
import { dirname } from 'node:path';
import type { NameServerOptions } from '../../config/name-server-schema.ts';
import type { TextFile } from '../../nameserver/kv-config.ts';
import { type NameServerHandle, startNameServer } from '../../nameserver/nameserver.ts';
import { type Disk, NodeDisk, replaceFile } from '../../store/disk.ts';

/** Rejects when the port cannot be opened or the file of key-value settings cannot be read. */
export function openNameServer(options: NameServerOptions, log: (line: string) => void): Promise<NameServerHandle> {
  const { bindAddress, listenPort, scanNotActiveBrokerInterval, kvConfigPath, ...settings } = options;
  return startNameServer({
    host: bindAddress,
    port: listenPort,
    scanMs: scanNotActiveBrokerInterval,
    settings,
    log,
    ...(kvConfigPath === '' ? {} : { kvFile: textFile(new NodeDisk(), kvConfigPath) }),
  });
}

function textFile(disk: Disk, path: string): TextFile {
  return {
    read: () => (disk.stat(path) === null ? null : Buffer.from(disk.readWhole(path)).toString('utf8')),
    write(text) {
      disk.makeDirectory(dirname(path));
      replaceFile(disk, path, Buffer.from(text));
    },
  };
}
