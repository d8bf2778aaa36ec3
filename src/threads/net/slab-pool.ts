/**
 * Private memory for answers, in three sizes. A slab is taken when a connection has something to say and comes back when the kernel has it,
 * so idle connections hold none. One pool per net thread.
 */

const SIZES = [16 * 1024, 64 * 1024, 256 * 1024] as const;
/** Of each size so many bytes are kept for the next answers. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;

export const SLAB_SIZE_MAX_BYTES = SIZES[SIZES.length - 1]!;

export class SlabPool {
  readonly #free: readonly Buffer[][] = SIZES.map(() => []);

  /** At least `size` bytes. What is larger than the largest slab is not pooled. */
  take(size: number): Buffer {
    const index = SIZES.findIndex((slab) => slab >= size);
    if (index < 0) return Buffer.allocUnsafeSlow(size);
    return this.#free[index]!.pop() ?? Buffer.allocUnsafeSlow(SIZES[index]!);
  }

  give(slab: Buffer): void {
    const index = SIZES.indexOf(slab.length as (typeof SIZES)[number]);
    if (index < 0) return;
    const free = this.#free[index]!;
    if ((free.length + 1) * slab.length <= KEPT_BYTES_MAX) free.push(slab);
  }
}
