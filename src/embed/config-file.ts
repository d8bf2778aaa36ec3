/** The file of settings that a start may be given, Apache's broker.conf or namesrv.conf. Read by the starts of embed/ and by the command line. */
import { type Assignment, assignmentsOfFile } from '../config/assignment.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { NodeDisk } from '../store/disk.ts';

/** None when there is no file. Throws ConfigurationError. */
export function readConfigFile(path: string | undefined): Assignment[] {
  if (path === undefined) return [];
  let text: string;
  try {
    text = Buffer.from(new NodeDisk().readWhole(path)).toString('utf8');
  } catch (error) {
    throw new ConfigurationError([`${path} cannot be read: ${(error as Error).message}`]);
  }
  return assignmentsOfFile(text, path);
}
