/** XADD to one stream, in RESP, for the closed loop; and the stream's length to check the result. Called by measures.ts. */
import type { Socket } from 'node:net';
import { openSocket, type Protocol, RequestCircle } from './closed-loop.ts';

const LINE_FEED = 10;
const DOLLAR = 36;
const COMMANDS = 256;

export class XaddProtocol implements Protocol {
  readonly #circle: RequestCircle;
  /** Lines seen of the answer `$<length>\r\n<id>\r\n`, or -1 before its first byte. */
  #lines = -1;

  constructor(stream: string, bodyBytes: number) {
    this.#circle = new RequestCircle(
      new Array<Buffer>(COMMANDS).fill(command('XADD', stream, '*', 'b', 'x'.repeat(bodyBytes))),
    );
  }

  send(socket: Socket, count: number): void {
    this.#circle.write(socket, count);
  }

  answers(chunk: Buffer): number {
    let answers = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.#lines < 0) {
        if (chunk[at] !== DOLLAR) throw new Error(`redis answered ${chunk.toString('latin1', at, at + 200)}`);
        this.#lines = 0;
      } else if (chunk[at] === LINE_FEED && ++this.#lines === 2) {
        this.#lines = -1;
        answers++;
      }
    }
    return answers;
  }
}

export async function streamLength(address: string, stream: string): Promise<number> {
  const socket = await openSocket(address);
  try {
    socket.write(command('XLEN', stream));
    const answer = await new Promise<Buffer>((resolve, reject) => socket.once('data', resolve).once('error', reject));
    const match = /^:(\d+)\r\n$/.exec(answer.toString('latin1'));
    if (match === null) throw new Error(`redis answered XLEN with ${answer.toString('latin1')}`);
    return Number(match[1]);
  } finally {
    socket.destroy();
  }
}

function command(...words: string[]): Buffer {
  return Buffer.from(
    `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
  );
}
