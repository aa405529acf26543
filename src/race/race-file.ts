/** What a race is called in the folder of the scores it asked for. */
export const RACE_FILE = 'decision.race';

/** How a saved race begins. */
export const RACE_MAGIC = 'COVRACE';
