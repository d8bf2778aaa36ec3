/** The far end of handover.ts: sums up what it gets and acknowledges each batch, by the way that it is told. */
import { parentPort, workerData } from 'node:worker_threads';
import { asRingPosition } from '../../src/base/units.ts';
import { DescriptorDouble, DescriptorInt } from '../../src/layout/request-descriptor.ts';
import { BytesRing } from '../../src/ring/bytes-ring.ts';
import { DescriptorRingConsumer } from '../../src/ring/descriptor-ring.ts';
import { BlockingSleeper, Doorbell } from '../../src/ring/doorbell.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { type Acknowledgement, END, RECEIVER, SENDER, type WorkerTask } from './carriers.ts';

const task = workerData as WorkerTask;
let sum = 0;

function takeRings(): void {
  const page = new StatusPage(task.page);
  const consumer = new DescriptorRingConsumer(task.descriptors);
  const bytes = new BytesRing(task.bytes);
  const sleeper = new BlockingSleeper(task.page, page.bellAt(RECEIVER));
  const bell = new Doorbell(task.page, page.bellAt(SENDER));
  const hasWork = () => consumer.published() > consumer.consumed;
  for (;;) {
    const published = consumer.published();
    for (let position: number = consumer.consumed; position < published; position++) {
      const slot = consumer.index(asRingPosition(position));
      const length = consumer.ints[slot * 16 + DescriptorInt.length]!;
      if (length === END) return;
      const at = bytes.index(asRingPosition(consumer.doubles[slot * 8 + DescriptorDouble.bytesPosition]!));
      sum += bytes.view.getInt32(at) + bytes.bytes[at + length - 1]!;
      consumer.doubles[slot * 8 + DescriptorDouble.logOffset] = sum;
    }
    if (published > consumer.consumed) {
      consumer.complete(published);
      bell.ring();
    } else sleeper.sleep(hasWork, 1000);
  }
}

function look(message: Buffer): void {
  sum += message.readInt32BE(0) + message[task.size - 1]!;
}

function bufferOf(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.length);
}

function acknowledge(acknowledgement: Acknowledgement, transfer: ArrayBuffer[] = []): void {
  parentPort!.postMessage(acknowledgement, transfer);
}

function takeMessages(): void {
  parentPort!.on('message', (message: Uint8Array | Uint8Array[] | ArrayBuffer) => {
    if (Array.isArray(message)) {
      for (const one of message) look(bufferOf(one));
      acknowledge({ count: message.length, sum });
    } else if (message instanceof ArrayBuffer) {
      const count = message.byteLength / task.size;
      for (let i = 0; i < count; i++) look(Buffer.from(message, i * task.size, task.size));
      if (task.way === 'batchedTransferred') acknowledge({ count, sum, buffer: message }, [message]);
      else acknowledge({ count, sum });
    } else {
      look(bufferOf(message));
      acknowledge({ count: 1, sum });
    }
  });
}

if (task.way === 'ring') takeRings();
else takeMessages();
