/**
 * A broker in a process of its own, to be killed by broker-node.test.ts. Started with the store's folder;
 * its first line says where it listens.
 */
import { startNode } from './node-client.ts';

const node = await startNode(process.argv[2]!);
process.stdout.write(`${JSON.stringify({ host: node.host, port: node.port })}\n`);
