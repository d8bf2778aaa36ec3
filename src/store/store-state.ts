/** How a tool finds a store: stopped in order, left by a crash, or open in a broker. */
export type StoreState = 'clean' | 'crashed' | 'running';
