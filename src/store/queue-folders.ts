/**
 * The folders of queues as they lie under `consumequeue` or `batchconsumequeue`, with what does not belong there told apart: somebody else
 * may have put files there. For recovery and the command line's tools.
 */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { LOST_AND_FOUND } from './file-names.ts';

export interface QueueFolder {
  readonly topic: string;
  readonly queueId: number;
  readonly directory: string;
}

/** Names a queue in maps. No topic has a slash in its name, because it is the name of a folder. */
export function queueName({ topic, queueId }: Pick<QueueFolder, 'topic' | 'queueId'>): string {
  return `${topic}/${queueId}`;
}

/** `strangers` takes the paths of everything that is no queue's folder. */
export function queueFolders(disk: Disk, root: string, strangers: string[] = []): QueueFolder[] {
  const folders: QueueFolder[] = [];
  for (const topic of disk.list(root)) {
    if (topic === LOST_AND_FOUND) continue;
    const topicFolder = join(root, topic);
    if (!isDirectory(disk, topicFolder)) {
      strangers.push(topicFolder);
      continue;
    }
    for (const name of disk.list(topicFolder)) {
      const directory = join(topicFolder, name);
      if (/^\d+$/.test(name) && isDirectory(disk, directory)) folders.push({ topic, queueId: Number(name), directory });
      else strangers.push(directory);
    }
  }
  return folders;
}

function isDirectory(disk: Disk, path: string): boolean {
  return disk.stat(path)?.isDirectory === true;
}
