/** The stages of docs/durability.md as an answer reports them (the durability receipt), weakest first. */
export const DURABILITY_STAGES = ['written', 'flushed', 'replicated', 'committed'] as const;
export type DurabilityStage = (typeof DURABILITY_STAGES)[number];
